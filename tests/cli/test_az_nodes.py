"""Setting up and ports: all of a change, or nothing."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from hermetic.cli.az_nodes import node, port
from hermetic.cli.local_nodes import beside
from hermetic.config.home import Home
from tests.support.product import PASSWORD

WORDS = ("--admin-password", PASSWORD, "--confirm-password", PASSWORD)


def typed(group: click.Group, home: Home, *words: str) -> Result:
    return CliRunner().invoke(group, words, env={"HERMETIC_HOME": str(home.root)})


def files(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.fixture
def both(home: Home) -> Home:
    """Homes of a web node and of the compute node beside it, with a port each."""
    for number, one in enumerate((home, beside(home)), start=1):
        one.create()
        one.settings.write_text(json.dumps({"Kestrel": {"Port": number}}))
    return home


def test_ports_are_changed_in_both_files(both: Home) -> None:
    done = typed(port, both, "update", "--webnode", "11", "--computenode", "12", "--rserve", "13")
    assert json.loads(done.output) == {"webnode": 11, "computenode": 12, "rserve": 13}


def test_ports_are_changed_in_no_file_if_one_cannot_be(both: Home) -> None:
    beside(both).settings.write_text('{"Kestrel": ')
    before = files(both.root.parent)
    done = typed(port, both, "update", "--webnode", "11", "--computenode", "12")
    assert done.exit_code != 0
    assert files(both.root.parent) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--webnode", *WORDS), "missing URIs"),
        (("--webnode", "--uri", "https://a:1,ftp://b", *WORDS), "ftp://b"),
        (("--onebox", "--admin-password", PASSWORD, "--confirm-password", "0ther-Word"), "differ"),
        (("--onebox", "--webnode"), "one of"),
    ],
)
def test_what_cannot_be_set_up_makes_no_home(home: Home, words: tuple[str, ...], told: str) -> None:
    new = Home(home.root / "new")
    done = typed(node, new, "setup", *words)
    assert done.exit_code != 0
    assert told in f"{done.output}{done.exception}"
    assert not new.root.exists()


@pytest.mark.parametrize("kind", ["--onebox", "--webnode"])
def test_settings_are_not_marked_as_configured_until_all_is_done(both: Home, kind: str) -> None:
    broken = {"ConnectionStrings": {"sqlite": {"Enabled": True, "Connection": "Data Source=/no/x"}}}
    uris = {"BackEndConfiguration": {"Uris": {"Values": ["https://localhost:1"]}}}
    both.settings.write_text(json.dumps({**broken, **uris}))
    before = both.settings.read_bytes()
    done = typed(node, both, "setup", kind, *WORDS)
    assert done.exit_code != 0
    assert both.settings.read_bytes() == before
