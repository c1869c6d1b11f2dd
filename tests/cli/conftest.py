"""Fixtures of the command: a home, a played node, and somebody logged in to it."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.config.home import Home, write_record
from tests.support.certificates import hierarchy
from tests.support.played_node import Played, playing

SERVICE = {
    "name": "wine",
    "version": "1.0",
    "versionPublishedBy": "admin",
    "creationTime": "2026-01-02T03:04:05.0000000",
    "snapshotId": None,
    "runtimeType": "Python",
    "initCode": None,
    "code": None,
    "description": "Says which cultivar it is.",
    "operationId": None,
    "inputParameterDefinitions": [
        {"name": "alcohol", "type": "numeric"},
        {"name": "labels", "type": "vector"},
    ],
    "outputParameterDefinitions": [{"name": "result", "type": "integer"}],
    "outputFileNames": [],
    "myPermissionOnService": "read/write",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("HERMETIC_HOME", str(tmp_path / "home"))
    home = Home(tmp_path / "home")
    home.create()
    return home


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every account can reach, as none below pytest's own is."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def node(home: Home, tmp_path: Path) -> Iterator[Played]:
    """A node that runs in the home; its answers are set by the test."""
    authority = hierarchy()
    home.ca.write_bytes(authority.root_pem)
    with playing(authority.issue(), tmp_path) as played:
        write_record(home.running, {"url": played.url, "ca": str(home.ca), "pid": 1})
        yield played


@pytest.fixture
def logged_in(node: Played, home: Home) -> Played:
    """The node, with somebody logged in and one service published."""
    record = {"url": node.url, "ca": str(home.ca), "username": "admin", "token": "t0k"}
    write_record(home.client, record)
    for path in ("/services", "/services/wine"):
        node.answers[f"GET {path}"] = json.dumps([SERVICE]).encode()
    node.answers["GET /services/wine/1.0"] = json.dumps(SERVICE).encode()
    node.answers["GET /services/nothing"] = b"[]"
    return node
