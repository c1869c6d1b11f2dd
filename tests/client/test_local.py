"""Asking the node of a home at its socket."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.certificates.keys import generate
from hermetic.certificates.signing import self_signed
from hermetic.certstore.files import FileStore
from hermetic.client.local import SOCKET, answers_in, local_client
from hermetic.clock import TurnedClock
from hermetic.errors import BadInput, NotFound
from hermetic.gateway.certification import Certification, Kept
from tests.support.local_door import answering

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def certification(folder: Path) -> Certification:
    store = FileStore(folder / "certificates")
    made = self_signed(generate(), name="test", now=NOW, life=timedelta(days=1))
    store.write("compute", made)
    return Certification(store, {"compute": Kept("compute", "a test")}, TurnedClock(NOW))


def test_what_the_node_says_and_what_it_raises_arrives(tmp_path: Path) -> None:
    with answering(tmp_path, certification(tmp_path)), local_client(tmp_path) as client:
        (one,) = client.certificates()
        assert (one.entry, one.role, one.source) == ("compute", "compute", "a test")
        with pytest.raises(NotFound):
            client.renew("other")
        with pytest.raises(BadInput):
            client.renew("compute")


def test_nobody_answers_where_no_node_runs(tmp_path: Path) -> None:
    assert not answers_in(tmp_path)
    (tmp_path / SOCKET).write_text("no socket")
    assert not answers_in(tmp_path)
    (tmp_path / SOCKET).unlink()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / SOCKET))
    assert not answers_in(tmp_path)
