import json
import os

import pytest

from hermetic.certstore.files import FileStore
from hermetic.cli import main
from hermetic.cli.stored import listings
from hermetic.config.home import Home, write_record
from hermetic.node.process import identity_of
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


def test_one_that_is_damaged_says_so(home: Home, stored: str) -> None:
    for path in (home.certificates / "api").rglob("tls.*"):
        path.write_bytes(b"damaged")
    (one,) = listings(home)
    assert one.not_after is None
    assert one.last_error


def test_a_node_that_was_killed_leaves_its_store_to_be_read(
    home: Home, stored: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its record still stands there, and its number may be somebody else's."""
    record = {"url": "https://localhost:12805", "ca": None, "pid": os.getpid()}
    write_record(home.running, {**record, "process": f"{identity_of(os.getpid())}0"})
    assert main.run(["certificate", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sha256"] == stored
    write_record(home.running, {**record, "process": identity_of(os.getpid())})
    assert main.run(["certificate", "show", "--json"]) == 77


def test_without_a_node_and_a_store_the_way_to_one_is_told(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["certificate", "list"]) == 69
    assert "hermetic up" in capsys.readouterr().err
