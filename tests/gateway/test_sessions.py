import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.errors import BadInput, BodyTooLarge, Busy, Gone, NotFound, NotPermitted, Unavailable
from hermetic.gateway.sessions import SessionLimits, Sessions
from hermetic.gateway.snapshots import Snapshots
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session
from tests.gateway.conftest import ANNA, BERT, OLGA, RITA
from tests.support.abyss import dig
from tests.support.archives import in_pieces
from tests.support.gateway import Box, coded, opened_sessions
from tests.support.interpreters import FolderInterpreters

LIMITS = SessionLimits(per_owner=2, in_all=3, held=1000, live_object=100)
BOTH = [Shelf.FILES, Shelf.WORKSPACE]


@pytest.fixture
async def session(sessions: Sessions) -> Session:
    return await sessions.open(ANNA, runtime=RuntimeKind.PYTHON)


async def put(sessions: Sessions, session: Session, shelf: Shelf, name: str, data: bytes) -> None:
    await sessions.write(ANNA, session.id, shelf, name, in_pieces(data))


async def content(sessions: Sessions, session: Session, shelf: Shelf, name: str) -> bytes:
    found = await sessions.read(ANNA, session.id, shelf, name)
    data = b"".join([piece async for piece in found.pieces])
    assert len(data) == found.size
    return data


async def test_an_opened_session_is_its_owners_alone(sessions: Sessions, box: Box) -> None:
    session = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON, name="tasting")
    assert await sessions.own(ANNA) == [session]
    assert await sessions.own(BERT) == await sessions.own(OLGA) == []
    assert session.name == "tasting"
    assert session.created_at == box.clock.now


async def test_to_others_a_session_does_not_exist(sessions: Sessions, session: Session) -> None:
    async def attempts(who: Principal, session_id: str) -> AsyncIterator[None]:
        for attempt in (
            sessions.close(who, session_id),
            sessions.names(who, session_id, Shelf.FILES),
            sessions.write(who, session_id, Shelf.FILES, "a", in_pieces(b"x")),
            sessions.read(who, session_id, Shelf.FILES, "a"),
            sessions.delete(who, session_id, Shelf.FILES, "a"),
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


@pytest.mark.parametrize("shelf", BOTH)
async def test_what_is_put_in_can_be_listed_read_and_deleted(
    sessions: Sessions, session: Session, shelf: Shelf
) -> None:
    data = os.urandom(3_000_000)
    await put(sessions, session, shelf, "b", data)
    await put(sessions, session, shelf, "a", b"")
    assert await sessions.names(ANNA, session.id, shelf) == ["a", "b"]
    assert await content(sessions, session, shelf, "b") == data
    await sessions.delete(ANNA, session.id, shelf, "b")
    assert await sessions.names(ANNA, session.id, shelf) == ["a"]


@pytest.mark.parametrize("shelf", BOTH)
@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", "C:x", "a\0", "a\n", "x" * 256]
)
async def test_a_name_that_could_lead_elsewhere_is_refused(
    sessions: Sessions, session: Session, box: Box, shelf: Shelf, name: str
) -> None:
    before = sorted(box.home.rglob("*"))
    with pytest.raises(BadInput):
        await put(sessions, session, shelf, name, b"x")
    with pytest.raises(NotFound):
        await sessions.read(ANNA, session.id, shelf, name)
    with pytest.raises(NotFound):
        await sessions.delete(ANNA, session.id, shelf, name)
    assert sorted(box.home.rglob("*")) == before


async def test_an_object_is_named_as_a_variable(sessions: Sessions, session: Session) -> None:
    for name in ("my-model", "1x", "a b"):
        with pytest.raises(BadInput, match="Python identifier"):
            await put(sessions, session, Shelf.WORKSPACE, name, b"x")
    other = await sessions.open(ANNA, runtime=RuntimeKind.R)
    await put(sessions, other, Shelf.WORKSPACE, "my.model", b"x")


async def test_no_object_is_ever_unpickled(
    sessions: Sessions, session: Session, tmp_path: Path
) -> None:
    evil = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
    await put(sessions, session, Shelf.WORKSPACE, "model", evil)
    assert await content(sessions, session, Shelf.WORKSPACE, "model") == evil
    snapshot = await sessions.snapshot(ANNA, session.id)
    await sessions.load_snapshot(ANNA, session.id, snapshot.id)
    assert not (tmp_path / "ran").exists()


async def test_a_closed_session_is_gone(sessions: Sessions, session: Session, box: Box) -> None:
    await put(sessions, session, Shelf.FILES, "a", b"x")
    await sessions.close(ANNA, session.id)
    assert await sessions.own(ANNA) == []
    assert list((box.home / "sessions").iterdir()) == []
    with pytest.raises(NotFound):
        await sessions.close(ANNA, session.id, force=True)


async def test_a_session_is_kept_and_brought_back(sessions: Sessions, session: Session) -> None:
    await put(sessions, session, Shelf.FILES, "data.csv", b"1,2")
    await put(sessions, session, Shelf.WORKSPACE, "model", b"dill")
    snapshot = await sessions.snapshot(ANNA, session.id, "evening")
    await sessions.close(ANNA, session.id)
    again = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON, snapshot_id=snapshot.id)
    assert await content(sessions, again, Shelf.FILES, "data.csv") == b"1,2"
    assert await content(sessions, again, Shelf.WORKSPACE, "model") == b"dill"
    await put(sessions, again, Shelf.FILES, "data.csv", b"changed")
    assert (snapshot.name, snapshot.members, snapshot.is_empty) == ("evening", 2, False)


async def test_a_snapshot_overwrites_what_it_names_and_leaves_the_rest(
    sessions: Sessions, session: Session
) -> None:
    await put(sessions, session, Shelf.FILES, "a", b"kept")
    snapshot = await sessions.snapshot(ANNA, session.id)
    await put(sessions, session, Shelf.FILES, "a", b"later")
    await put(sessions, session, Shelf.FILES, "b", b"stays")
    await sessions.load_snapshot(ANNA, session.id, snapshot.id)
    assert await content(sessions, session, Shelf.FILES, "a") == b"kept"
    assert await content(sessions, session, Shelf.FILES, "b") == b"stays"


async def test_a_snapshot_of_another_owner_or_runtime_cannot_be_loaded(
    sessions: Sessions, session: Session
) -> None:
    snapshot = await sessions.snapshot(ANNA, session.id)
    with pytest.raises(NotFound):
        await sessions.open(BERT, runtime=RuntimeKind.PYTHON, snapshot_id=snapshot.id)
    with pytest.raises(BadInput, match="made with Python"):
        await sessions.open(ANNA, runtime=RuntimeKind.R, snapshot_id=snapshot.id)
    assert await sessions.own(ANNA) == [session]
    assert await sessions.own(BERT) == []


async def test_the_deploy_of_the_retired_client_leaves_a_service_that_works(
    sessions: Sessions, session: Session, snapshots: Snapshots, box: Box
) -> None:
    await put(sessions, session, Shelf.WORKSPACE, "model", b"dill")
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


async def test_there_are_only_so_many_sessions(box: Box, interpreters: FolderInterpreters) -> None:
    sessions = opened_sessions(box, interpreters, LIMITS)
    await sessions.start()
    results = await asyncio.gather(
        *(sessions.open(ANNA, runtime=RuntimeKind.PYTHON) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(result, Busy) for result in results) == 3
    await sessions.open(BERT, runtime=RuntimeKind.PYTHON)
    with pytest.raises(Busy, match="The node has as many"):
        await sessions.open(BERT, runtime=RuntimeKind.PYTHON)
    await sessions.close(ANNA, (await sessions.own(ANNA))[0].id)
    await sessions.open(BERT, runtime=RuntimeKind.PYTHON)


async def test_a_session_holds_only_so_much(box: Box, interpreters: FolderInterpreters) -> None:
    sessions = opened_sessions(box, interpreters, LIMITS)
    await sessions.start()
    session = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON)
    await put(sessions, session, Shelf.FILES, "a", b"x" * 900)
    with pytest.raises(BodyTooLarge):
        await put(sessions, session, Shelf.WORKSPACE, "b", b"x" * 101)
    await sessions.execute(ANNA, session.id, "x=1", {}, [])
    with pytest.raises(BodyTooLarge, match="live session"):
        await put(sessions, session, Shelf.WORKSPACE, "b", b"x" * 101)
    await put(sessions, session, Shelf.WORKSPACE, "b", b"x" * 100)


async def test_after_a_restart_sessions_are_cleared_and_snapshots_stay(
    sessions: Sessions, session: Session, box: Box, snapshots: Snapshots
) -> None:
    await put(sessions, session, Shelf.FILES, "a", b"x")
    snapshot = await sessions.snapshot(ANNA, session.id)
    later = opened_sessions(await box.restarted(), FolderInterpreters())
    await later.start()
    assert list((box.home / "sessions").iterdir()) == []
    assert await later.own(ANNA) == []
    assert await snapshots.own(ANNA) == [snapshot]
    assert await later.open(ANNA, runtime=RuntimeKind.PYTHON, snapshot_id=snapshot.id)


async def test_a_session_nobody_uses_is_closed(
    sessions: Sessions, session: Session, box: Box
) -> None:
    used = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON)
    box.clock.advance(timedelta(hours=23))
    await sessions.names(ANNA, used.id, Shelf.FILES)
    box.clock.advance(timedelta(hours=1))
    await sessions.sweep()
    assert await sessions.own(ANNA) == [used]
    await sessions.stop()
    assert await sessions.own(ANNA) == []


async def test_after_the_first_execution_the_interpreter_knows_the_objects(
    sessions: Sessions, session: Session
) -> None:
    await put(sessions, session, Shelf.WORKSPACE, "model", b"dill")
    assert await sessions.execute(ANNA, session.id, "x=1", {}, []) == b'{"success": true}'
    assert await sessions.names(ANNA, session.id, Shelf.WORKSPACE) == ["model", "x"]
    await put(sessions, session, Shelf.WORKSPACE, "y", b"2")
    assert await content(sessions, session, Shelf.WORKSPACE, "x") == b"1"
    assert await content(sessions, session, Shelf.WORKSPACE, "y") == b"2"
    await sessions.delete(ANNA, session.id, Shelf.WORKSPACE, "model")
    with pytest.raises(NotFound):
        await sessions.read(ANNA, session.id, Shelf.WORKSPACE, "model")
    assert await sessions.history(ANNA, session.id) == ["x=1"]
    assert await sessions.console(ANNA, session.id) == "x=1"


async def test_what_was_executed_is_in_the_snapshot(sessions: Sessions, session: Session) -> None:
    await sessions.execute(ANNA, session.id, "x=1", {}, [])
    snapshot = await sessions.snapshot(ANNA, session.id)
    await sessions.execute(ANNA, session.id, "x=2", {}, [])
    await sessions.load_snapshot(ANNA, session.id, snapshot.id)
    assert await content(sessions, session, Shelf.WORKSPACE, "x") == b"1"


async def test_without_an_interpreter_the_objects_stay_in_the_folder(
    sessions: Sessions, session: Session
) -> None:
    await put(sessions, session, Shelf.WORKSPACE, "model", b"dill")
    with pytest.raises(Unavailable):
        await sessions.execute(ANNA, session.id, "busy", {}, [])
    assert await sessions.names(ANNA, session.id, Shelf.WORKSPACE) == ["model"]


async def test_a_session_whose_interpreter_died_is_gone_and_can_be_closed(
    sessions: Sessions, session: Session
) -> None:
    await sessions.execute(ANNA, session.id, "die", {}, [])
    with pytest.raises(Gone):
        await sessions.names(ANNA, session.id, Shelf.WORKSPACE)
    with pytest.raises(Gone):
        await sessions.snapshot(ANNA, session.id)
    await sessions.close(ANNA, session.id)


async def test_a_run_can_be_interrupted(
    sessions: Sessions, session: Session, interpreters: FolderInterpreters
) -> None:
    await sessions.cancel(ANNA, session.id)
    assert interpreters.cancelled == [session.id]


async def test_a_link_made_by_the_interpreter_gives_nothing_away(
    sessions: Sessions, session: Session, box: Box, snapshots: Snapshots
) -> None:
    (box.home / "key").write_text("the key of the authority")
    files = box.home / "sessions" / session.id / "files"
    (files / "link").symlink_to(box.home / "key")
    (files / "folder").symlink_to(box.home)
    with pytest.raises(NotFound):
        await sessions.read(ANNA, session.id, Shelf.FILES, "link")
    snapshot = await sessions.snapshot(ANNA, session.id)
    archive = await snapshots.content(ANNA, snapshot.id)
    data = b"".join([piece async for piece in archive.pieces])
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == []
    await sessions.close(ANNA, session.id)
    assert (box.home / "key").exists()


@pytest.mark.slow
async def test_folders_without_end_do_not_keep_a_session_or_the_node_from_ending(
    sessions: Sessions, session: Session, box: Box
) -> None:
    for kept in (session, await sessions.open(ANNA, runtime=RuntimeKind.PYTHON)):
        dig(box.home / "sessions" / kept.id / "files")
    with pytest.raises(BadInput, match="too deep"):
        await sessions.snapshot(ANNA, session.id)
    assert await sessions.names(ANNA, session.id, Shelf.FILES) == []
    await sessions.close(ANNA, session.id)
    later = opened_sessions(box, FolderInterpreters())
    await later.start()
    assert list((box.home / "sessions").iterdir()) == []


async def test_a_reader_runs_no_code(sessions: Sessions) -> None:
    with pytest.raises(NotPermitted, match="rita"):
        await sessions.open(RITA, runtime=RuntimeKind.PYTHON)
    assert await sessions.own(RITA) == []


async def test_who_becomes_a_reader_runs_no_more_code(sessions: Sessions, session: Session) -> None:
    demoted = Principal(ANNA.name, Role.READER)
    with pytest.raises(NotPermitted):
        await sessions.execute(demoted, session.id, "a = 1", {}, [])
    with pytest.raises(NotPermitted):
        await sessions.write(demoted, session.id, Shelf.FILES, "a", in_pieces(b"x"))
    await sessions.close(demoted, session.id)
