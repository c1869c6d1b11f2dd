"""The sessions of a compute node, asked for from afar; what any host does is in the contract."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from hermetic.client.asking import Asker
from hermetic.client.link import Target
from hermetic.client.sessions import RemoteSessions
from hermetic.errors import BadInput, DeadlineExceeded, NotFound, SessionNotFound, Unavailable
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from tests.support.archives import in_pieces
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.computenode import compute_node
from tests.support.hosting import LEAVES_OUT, SPINS, PlayedSessions
from tests.support.sealed import believing, sealed_node
from tests.support.waiting import until

FILES, WORKSPACE = Shelf.FILES, Shelf.WORKSPACE
ID, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
DEADLINE_S = 10


class Late(PlayedSessions):
    """A host whose executions overrun."""

    async def execute(self, *_: object, **__: object) -> bytes:
        raise DeadlineExceeded("The code ran for more than 60 s.")


@pytest.fixture
def host() -> PlayedSessions:
    return PlayedSessions()


@pytest.fixture
async def remote(tmp_path: Path, host: PlayedSessions) -> AsyncIterator[RemoteSessions]:
    async with compute_node(tmp_path, sessions=host) as node:
        asker = Asker(Target("127.0.0.1", node.port, sealed=False), lambda: None)
        remote = RemoteSessions(asker)
        await remote.open(ID, RuntimeKind.PYTHON)
        yield remote
        await asker.close()


async def test_names_travel_whatever_is_in_them(
    remote: RemoteSessions, host: PlayedSessions
) -> None:
    name = "naïve %2f 100% ?#.txt"
    await remote.write(ID, FILES, name, in_pieces(b"1"))
    assert await remote.names(ID, FILES) == [name]
    assert list(host.sessions[ID].shelves[FILES]) == [name]
    await remote.delete(ID, FILES, name)
    assert await remote.names(ID, FILES) == []


async def test_what_would_be_another_address_is_not_asked_for(remote: RemoteSessions) -> None:
    for name in ("", ".", "..", "a/b", "a\x00b"):
        with pytest.raises(BadInput):
            await remote.write(ID, FILES, name, in_pieces(b"1"))
        with pytest.raises(NotFound):
            await remote.read(ID, FILES, name)
        with pytest.raises(NotFound):
            await remote.delete(ID, FILES, name)


ASKED: list[Callable[[RemoteSessions, str], Awaitable[object]]] = [
    lambda remote, session_id: remote.names(session_id, FILES),
    lambda remote, session_id: remote.execute(session_id, "x=1", {}, ()),
    lambda remote, session_id: remote.cancel(session_id),
    lambda remote, session_id: remote.console_output(session_id),
    lambda remote, session_id: remote.history(session_id),
    lambda remote, session_id: remote.keep(session_id),
]


@pytest.mark.parametrize("session_id", ["../placements", "a/b", "", OTHER])
async def test_an_id_that_is_none_is_no_session_and_no_other_address(
    remote: RemoteSessions, session_id: str
) -> None:
    for ask in ASKED:
        with pytest.raises(SessionNotFound):
            await ask(remote, session_id)


async def test_an_id_that_is_none_cannot_be_opened_and_is_closed_already(
    remote: RemoteSessions, host: PlayedSessions
) -> None:
    with pytest.raises(BadInput, match="UUID"):
        await remote.open("../placements", RuntimeKind.PYTHON)
    await remote.close("../known")
    assert list(host.sessions) == [ID]


async def test_what_is_left_out_of_an_archive_comes_along(remote: RemoteSessions) -> None:
    await remote.execute(ID, LEAVES_OUT, {}, ())
    archive = await remote.keep(ID)
    assert archive.left_out == ("g",)
    await archive.content.close()


async def test_code_runs_in_the_order_in_which_it_was_sent(
    remote: RemoteSessions, host: PlayedSessions
) -> None:
    lines = [f"x={number}" for number in range(8)]
    await asyncio.gather(*(remote.execute(ID, line, {}, ()) for line in lines))
    assert host.sessions[ID].ran == lines


async def test_files_and_other_sessions_do_not_wait_for_code_that_runs(
    remote: RemoteSessions, host: PlayedSessions
) -> None:
    await remote.open(OTHER, RuntimeKind.PYTHON)
    running = asyncio.ensure_future(remote.execute(ID, SPINS, {}, ()))
    await until(lambda: host.sessions[ID].spinning is not None)
    later = asyncio.ensure_future(remote.names(ID, WORKSPACE))
    assert await remote.names(ID, FILES) == []
    assert await remote.names(OTHER, WORKSPACE) == []
    assert not later.done()
    await remote.cancel(ID)
    await asyncio.wait_for(asyncio.gather(running, later), DEADLINE_S)


async def test_code_that_overruns_is_told_from_a_node_that_is_late(tmp_path: Path) -> None:
    host = Late()
    async with compute_node(tmp_path, sessions=host) as node:
        asker = Asker(Target("127.0.0.1", node.port, sealed=False), lambda: None)
        remote = RemoteSessions(asker)
        with pytest.raises(DeadlineExceeded, match="more than 60 s"):
            await remote.execute(ID, "x=1", {}, ())
        await asker.close()


class Silent(Asker):
    """Asks nobody: the node is silent until the time is over."""

    async def ask(self, *_: object, **__: object) -> bytes:
        raise DeadlineExceeded("It did not answer.") from TimeoutError()


async def test_a_node_that_is_late_does_not_answer_at_present() -> None:
    remote = RemoteSessions(Silent(Target("127.0.0.1", 1), lambda: None))
    with pytest.raises(Unavailable, match="is late"):
        await remote.execute(ID, "x=1", {}, ())


async def test_a_node_that_is_gone_does_not_answer_at_present() -> None:
    asker = Asker(Target("127.0.0.1", 1, sealed=False), lambda: None)
    with pytest.raises(Unavailable, match="cannot be asked"):
        await RemoteSessions(asker).keep(ID)
    await asker.close()


async def test_a_node_that_is_not_trusted_is_not_asked(
    tmp_path: Path, authority: Hierarchy, host: PlayedSessions
) -> None:
    async with sealed_node(tmp_path, authority, sessions=host) as sealed:
        believes = believing(hierarchy(name="Stranger"), authority)
        asker = Asker(sealed.target, lambda: believes)
        with pytest.raises(Unavailable, match="is not accepted"):
            await RemoteSessions(asker).open(ID, RuntimeKind.PYTHON)
        await asker.close()
    assert host.sessions == {}
