import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.client.content import whole
from hermetic.errors import (
    BadInput,
    BundleRejected,
    Busy,
    Gone,
    NotFound,
    NotPermitted,
    Unavailable,
)
from hermetic.gateway.hosts import OneHost
from hermetic.gateway.sessions import Sessions
from hermetic.gateway.snapshots import Snapshots
from hermetic.serving.bundle import MEBIBYTE, Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session
from tests.gateway.conftest import ANNA, BERT, OLGA, RITA
from tests.support.archives import in_pieces
from tests.support.gateway import Box, coded, shown_sessions
from tests.support.hosting import DIES, LEAVES_OUT, PlayedHosts, PlayedSessions

FILES, WORKSPACE = Shelf.FILES, Shelf.WORKSPACE
BOTH = [FILES, WORKSPACE]


@pytest.fixture
async def session(sessions: Sessions) -> Session:
    return await sessions.open(ANNA, runtime=RuntimeKind.PYTHON)


async def put(sessions: Sessions, session: Session, shelf: Shelf, name: str, data: bytes) -> None:
    await sessions.write(ANNA, session.id, shelf, name, in_pieces(data))


async def content(sessions: Sessions, session: Session, shelf: Shelf, name: str) -> bytes:
    found = await sessions.read(ANNA, session.id, shelf, name)
    return await whole(found.pieces, most=MEBIBYTE)


# ---- whose it is ----


async def test_an_opened_session_is_its_owners_alone(sessions: Sessions, box: Box) -> None:
    session = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON, name="tasting")
    assert await sessions.own(ANNA) == [session]
    assert await sessions.own(BERT) == await sessions.own(OLGA) == []
    assert (session.name, session.node) == ("tasting", "near")
    assert session.created_at == box.clock.now


async def test_to_others_a_session_does_not_exist(sessions: Sessions, session: Session) -> None:
    async def attempts(who: Principal, session_id: str) -> AsyncIterator[None]:
        for attempt in (
            sessions.close(who, session_id),
            sessions.names(who, session_id, FILES),
            sessions.write(who, session_id, FILES, "a", in_pieces(b"x")),
            sessions.read(who, session_id, FILES, "a"),
            sessions.delete(who, session_id, FILES, "a"),
            sessions.snapshot(who, session_id),
            sessions.load_snapshot(who, session_id, "1"),
            sessions.execute(who, session_id, "x=1", {}, []),
            sessions.cancel(who, session_id),
            sessions.console(who, session_id),
            sessions.history(who, session_id),
        ):
            with pytest.raises(NotFound, match="no session"):
                await attempt
            yield

    for who, session_id in ((BERT, session.id), (OLGA, session.id), (ANNA, "../.."), (ANNA, "")):
        assert len([one async for one in attempts(who, session_id)]) == 11
    assert await sessions.own(ANNA) == [session]


async def test_there_are_only_so_many_sessions(box: Box) -> None:
    host = PlayedSessions()
    sessions = shown_sessions(box, OneHost(host), most=2)
    results = await asyncio.gather(
        *(sessions.open(ANNA, runtime=RuntimeKind.PYTHON) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, Busy) for result in results) == 3
    assert {one.id for one in await sessions.own(ANNA)} == host.sessions.keys()
    await sessions.open(BERT, runtime=RuntimeKind.PYTHON)
    await sessions.close(ANNA, (await sessions.own(ANNA))[0].id)
    await sessions.open(ANNA, runtime=RuntimeKind.PYTHON)


async def test_a_reader_runs_no_code(sessions: Sessions) -> None:
    with pytest.raises(NotPermitted, match="rita"):
        await sessions.open(RITA, runtime=RuntimeKind.PYTHON)
    assert await sessions.own(RITA) == []


async def test_who_becomes_a_reader_runs_no_more_code(sessions: Sessions, session: Session) -> None:
    demoted = Principal(ANNA.name, Role.READER)
    with pytest.raises(NotPermitted):
        await sessions.execute(demoted, session.id, "a = 1", {}, [])
    with pytest.raises(NotPermitted):
        await sessions.write(demoted, session.id, FILES, "a", in_pieces(b"x"))
    await sessions.close(demoted, session.id)


# ---- what it is asked ----


@pytest.mark.parametrize("shelf", BOTH)
async def test_what_is_put_in_can_be_listed_read_and_deleted(
    sessions: Sessions, session: Session, shelf: Shelf
) -> None:
    await put(sessions, session, shelf, "b", b"data")
    await put(sessions, session, shelf, "a", b"")
    assert await sessions.names(ANNA, session.id, shelf) == ["a", "b"]
    assert await content(sessions, session, shelf, "b") == b"data"
    await sessions.delete(ANNA, session.id, shelf, "b")
    assert await sessions.names(ANNA, session.id, shelf) == ["a"]


async def test_what_a_session_runs_is_its_hosts_affair(
    sessions: Sessions, session: Session, host: PlayedSessions
) -> None:
    answer = await sessions.execute(ANNA, session.id, "x=1", {"y": 2}, ["y"])
    assert b'[{"name": "y", "value": 2}]' in answer
    assert await sessions.names(ANNA, session.id, WORKSPACE) == ["x", "y"]
    assert await sessions.history(ANNA, session.id) == ["x=1"]
    assert await sessions.console(ANNA, session.id) == "x=1"
    await sessions.cancel(ANNA, session.id)
    assert host.cancelled == [session.id]


async def test_a_file_that_is_missing_is_not_the_end_of_the_session(
    sessions: Sessions, session: Session
) -> None:
    with pytest.raises(NotFound):
        await sessions.read(ANNA, session.id, FILES, "x")
    assert await sessions.own(ANNA) == [session]


async def test_every_web_node_finds_what_another_opened(
    sessions: Sessions, session: Session, box: Box, hosts: PlayedHosts
) -> None:
    other = shown_sessions(box, hosts)
    await put(other, session, FILES, "a", b"x")
    assert await content(sessions, session, FILES, "a") == b"x"
    await other.close(ANNA, session.id)
    with pytest.raises(NotFound):
        await sessions.names(ANNA, session.id, FILES)


# ---- how it ends ----


@pytest.mark.parametrize("force", [False, True])
async def test_a_closed_session_is_gone(
    sessions: Sessions, session: Session, host: PlayedSessions, force: bool
) -> None:
    await sessions.close(ANNA, session.id, force=force)
    assert await sessions.own(ANNA) == []
    assert not host.sessions
    with pytest.raises(NotFound):
        await sessions.close(ANNA, session.id, force=force)


async def test_a_session_whose_interpreter_died_is_gone_and_can_be_closed(
    sessions: Sessions, session: Session
) -> None:
    with pytest.raises(Gone):
        await sessions.execute(ANNA, session.id, DIES, {}, [])
    with pytest.raises(Gone):
        await sessions.snapshot(ANNA, session.id)
    assert await sessions.own(ANNA) == [session]
    await sessions.close(ANNA, session.id)


async def test_a_session_that_ended_with_its_node_is_told_once_and_forgotten(
    sessions: Sessions, session: Session, host: PlayedSessions
) -> None:
    host.sessions.clear()
    with pytest.raises(Gone, match="open a new session"):
        await sessions.names(ANNA, session.id, FILES)
    with pytest.raises(NotFound, match="You have no session"):
        await sessions.names(ANNA, session.id, FILES)


async def test_a_session_whose_node_is_gone_for_good_is_forgotten(
    sessions: Sessions, session: Session, hosts: PlayedHosts
) -> None:
    del hosts.hosts["near"]
    with pytest.raises(Gone, match="'near' is gone"):
        await sessions.execute(ANNA, session.id, "x=1", {}, [])
    assert await sessions.own(ANNA) == []


@pytest.mark.parametrize("is_there", [False, True])
async def test_what_ended_already_can_be_closed(
    sessions: Sessions,
    session: Session,
    hosts: PlayedHosts,
    host: PlayedSessions,
    is_there: bool,
) -> None:
    host.sessions.clear()
    if not is_there:
        del hosts.hosts["near"]
    await sessions.close(ANNA, session.id)
    assert await sessions.own(ANNA) == []


async def test_a_node_that_does_not_answer_keeps_its_sessions(
    sessions: Sessions, session: Session, host: PlayedSessions
) -> None:
    host.answers = False
    for attempt in (
        sessions.names(ANNA, session.id, FILES),
        sessions.close(ANNA, session.id),
        sessions.open(ANNA, runtime=RuntimeKind.PYTHON),
    ):
        with pytest.raises(Unavailable):
            await attempt
    await sessions.sweep()
    host.answers = True
    assert await sessions.own(ANNA) == [session]
    assert await sessions.names(ANNA, session.id, FILES) == []


async def test_sessions_that_their_hosts_know_no_more_are_swept(
    sessions: Sessions, session: Session, host: PlayedSessions, hosts: PlayedHosts
) -> None:
    ended = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON)
    del host.sessions[ended.id]
    hosts.hosts = {"gone": PlayedSessions(), **hosts.hosts}
    lost = await sessions.open(BERT, runtime=RuntimeKind.PYTHON)
    assert lost.node == "gone"
    del hosts.hosts["gone"]
    await sessions.sweep()
    assert await sessions.own(ANNA) == [session]
    assert await sessions.own(BERT) == []


async def test_a_start_forgets_the_sessions_of_this_machine_and_no_others(
    sessions: Sessions, session: Session, box: Box
) -> None:
    one_box = shown_sessions(box, OneHost(PlayedSessions()))
    await one_box.open(BERT, runtime=RuntimeKind.PYTHON)
    await one_box.start()
    assert await one_box.own(BERT) == []
    assert await sessions.own(ANNA) == [session]


# ---- what is kept of it ----


async def test_a_session_is_kept_and_brought_back(sessions: Sessions, session: Session) -> None:
    await put(sessions, session, FILES, "wein ü.csv", b"1,2")
    await put(sessions, session, WORKSPACE, "größe", b"dill")
    snapshot = await sessions.snapshot(ANNA, session.id, "evening")
    await sessions.close(ANNA, session.id)
    again = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON, snapshot_id=snapshot.id)
    assert await content(sessions, again, FILES, "wein ü.csv") == b"1,2"
    assert await content(sessions, again, WORKSPACE, "größe") == b"dill"
    await put(sessions, again, FILES, "wein ü.csv", b"changed")
    assert (snapshot.name, snapshot.members, snapshot.is_empty) == ("evening", 2, False)


async def test_a_snapshot_overwrites_what_it_names_and_leaves_the_rest(
    sessions: Sessions, session: Session
) -> None:
    await put(sessions, session, FILES, "a", b"kept")
    snapshot = await sessions.snapshot(ANNA, session.id)
    await put(sessions, session, FILES, "a", b"later")
    await put(sessions, session, FILES, "b", b"stays")
    await sessions.load_snapshot(ANNA, session.id, snapshot.id)
    assert await content(sessions, session, FILES, "a") == b"kept"
    assert await content(sessions, session, FILES, "b") == b"stays"


async def test_a_snapshot_goes_from_one_node_to_another(
    sessions: Sessions, session: Session, hosts: PlayedHosts
) -> None:
    await put(sessions, session, FILES, "a", b"x")
    snapshot = await sessions.snapshot(ANNA, session.id)
    del hosts.hosts["near"]
    far = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON, snapshot_id=snapshot.id)
    assert far.node == "far"
    assert await content(sessions, far, FILES, "a") == b"x"


async def test_what_was_executed_is_in_the_snapshot(sessions: Sessions, session: Session) -> None:
    await sessions.execute(ANNA, session.id, "x=1", {}, [])
    await sessions.execute(ANNA, session.id, LEAVES_OUT, {}, [])
    snapshot = await sessions.snapshot(ANNA, session.id)
    await sessions.execute(ANNA, session.id, "x=2", {}, [])
    await sessions.load_snapshot(ANNA, session.id, snapshot.id)
    assert await content(sessions, session, WORKSPACE, "x") == b"1"
    assert snapshot.members == 1


async def test_a_snapshot_of_another_owner_or_runtime_cannot_be_loaded(
    sessions: Sessions, session: Session, host: PlayedSessions
) -> None:
    snapshot = await sessions.snapshot(ANNA, session.id)
    with pytest.raises(NotFound):
        await sessions.open(BERT, runtime=RuntimeKind.PYTHON, snapshot_id=snapshot.id)
    with pytest.raises(BadInput, match="made with Python"):
        await sessions.open(ANNA, runtime=RuntimeKind.R, snapshot_id=snapshot.id)
    assert await sessions.own(ANNA) == [session]
    assert await sessions.own(BERT) == []
    assert host.sessions.keys() == {session.id}


async def test_a_session_that_cannot_be_filled_is_not_opened(
    sessions: Sessions, session: Session, host: PlayedSessions, box: Box
) -> None:
    snapshot = await sessions.snapshot(ANNA, session.id)
    path = await box.bundles.path(snapshot.bundle)
    path.chmod(0o600)
    path.write_bytes(b"damaged")
    with pytest.raises(BundleRejected):
        await sessions.open(ANNA, runtime=RuntimeKind.PYTHON, snapshot_id=snapshot.id)
    assert await sessions.own(ANNA) == [session]
    assert host.sessions.keys() == {session.id}


async def test_the_deploy_of_the_retired_client_leaves_a_service_that_works(
    sessions: Sessions, session: Session, snapshots: Snapshots, box: Box
) -> None:
    await put(sessions, session, WORKSPACE, "model", b"dill")
    snapshot = await sessions.snapshot(ANNA, session.id)
    await box.publishing.publish(ANNA, "add", "1.0", coded(snapshot_id=snapshot.id))
    await sessions.close(ANNA, session.id)
    await snapshots.delete(ANNA, snapshot.id)
    box.clock.advance(timedelta(days=1))
    later = await box.restarted()
    view = await later.publishing.show(ANNA, "add", "1.0")
    assert view.service.snapshot_id == snapshot.id
    folder = later.execution.folders[view.service.key]
    assert folder is not None
    assert (folder / "workspace" / "model").read_bytes() == b"dill"
