"""Compute nodes in a settings file, as the old commands change them."""

import json
import os

import pytest

from hermetic.cli.az_uris import values_key, without
from hermetic.config.home import Home, write_record
from hermetic.errors import BadConfiguration

URL = "https://localhost:12800"
BOTH = ("BackEndConfiguration", "ComputeNodesConfiguration")


@pytest.fixture
def running(home: Home) -> Home:
    """A home whose node runs, by its record."""
    home.create()
    write_record(home.running, {"url": f"{URL}/", "ca": None, "pid": os.getpid(), "process": None})
    return home


def write(home: Home, section: str, **uris: list[str]) -> None:
    home.settings.write_text(json.dumps({section: {"Uris": uris}}))


@pytest.mark.parametrize("section", BOTH)
def test_what_is_removed_goes_out_of_the_file_and_the_rest_stays(
    running: Home, section: str
) -> None:
    write(running, section, Values=["https://a:1/", "https://b:1"], Ranges=["https://c:1-3"])
    change = without(running, "https://a:1, https://c:1-3", URL)
    assert change is not None
    assert "https://a:1" in running.settings.read_text()
    change()
    assert json.loads(running.settings.read_text()) == {
        section: {"Uris": {"Values": ["https://b:1"], "Ranges": []}}
    }


def test_a_uri_that_does_not_stand_there_changes_nothing(running: Home) -> None:
    assert without(running, "https://a:1", URL) is None
    write(running, BOTH[0], Values=["https://a:12"])
    assert without(running, "https://a:1", URL) is None


def test_the_file_of_another_node_is_left_alone(running: Home, home: Home) -> None:
    write(running, BOTH[0], Values=["https://a:1"])
    assert without(running, "https://a:1", "https://elsewhere:12800") is None
    home.running.unlink()
    assert without(home, "https://a:1", URL) is None


def test_a_file_that_cannot_be_read_is_said_before_anything_is_removed(running: Home) -> None:
    running.settings.write_text('{"BackEndConfiguration": ')
    with pytest.raises(BadConfiguration, match=r"appsettings\.json:1"):
        without(running, "https://a:1", URL)


@pytest.mark.parametrize("section", BOTH)
def test_uris_are_written_where_the_file_has_them(running: Home, section: str) -> None:
    write(running, section, Values=[])
    assert values_key(running) == f"{section}.Uris.Values"


def test_without_a_file_the_first_name_is_taken(home: Home) -> None:
    assert values_key(home) == f"{BOTH[0]}.Uris.Values"
