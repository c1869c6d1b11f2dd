import json

import pytest

from hermetic.certstore.files import FileStore
from hermetic.cli import main
from hermetic.cli.stored import listings
from hermetic.config.home import Home
from tests.support.certificates import hierarchy


@pytest.fixture
def stored(home: Home) -> str:
    """Put a credential into the store, and return its fingerprint."""
    credential = hierarchy().issue("box.example")
    FileStore(home.certificates).write("api", credential)
    return credential.chain.sha256


def test_a_store_is_listed_as_the_node_would(home: Home, stored: str) -> None:
    (one,) = listings(home)
    assert (one.entry, one.names, one.sha256) == ("api", ["box.example"], stored)
    assert one.next_renewal is None


def test_the_command_reads_the_store_where_no_node_runs(
    home: Home, stored: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["certificate", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == stored


def test_without_a_node_and_a_store_the_way_to_one_is_told(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["certificate", "list"]) == 69
    assert "hermetic up" in capsys.readouterr().err
