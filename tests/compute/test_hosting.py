"""Sessions on this machine's disk; what holds for every host is in `tests/contracts`."""

import asyncio
import io
import os
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.client.content import Content, whole
from hermetic.clock import TurnedClock
from hermetic.compute.hosting import LocalSessions, SessionLimits
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.compute.sessions import SessionInterpreters
from hermetic.errors import (
    BadInput,
    BodyTooLarge,
    BundleRejected,
    Conflict,
    HermeticError,
    NotFound,
    SessionNotFound,
    StorageFull,
)
from hermetic.serving.bundle import Bounds, Shelf
from hermetic.serving.service import RuntimeKind
from tests.support.abyss import dig
from tests.support.archives import in_pieces, zipped
from tests.support.hosting import SPINS
from tests.support.room import files_no_larger_than

WORKERS = Limits(initial=0, most=2)
LIMITS = SessionLimits(held=50_000)
BOUNDS = Bounds(archive=20_000, unpacked=40_000)
FILES, WORKSPACE = Shelf.FILES, Shelf.WORKSPACE
ONE, OTHER = "session-1", "session-2"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
async def pool(home: Path) -> AsyncIterator[LocalExecution]:
    pool = LocalExecution(home / "work", limits=WORKERS, hidden=home)
    await pool.start()
    yield pool
    await pool.stop(0)


@pytest.fixture
async def host(
    home: Path, pool: LocalExecution, clock: TurnedClock
) -> AsyncIterator[LocalSessions]:
    host = hosting(home, pool, clock)
    await host.start()
    await host.open(ONE, RuntimeKind.PYTHON)
    yield host
    await host.stop()


def hosting(home: Path, pool: LocalExecution, clock: TurnedClock) -> LocalSessions:
    interpreters = SessionInterpreters(pool.workforce, pool.orders, WORKERS)
    return LocalSessions(
        home / "sessions", interpreters=interpreters, clock=clock, bounds=BOUNDS, limits=LIMITS
    )


@pytest.fixture
def files(home: Path, host: LocalSessions) -> Path:
    """Return the working folder of the session's interpreter."""
    return home / "sessions" / ONE / "files"


def left(home: Path) -> list[str]:
    """Return what lies among the sessions' folders, hidden files too."""
    return sorted(path.name for path in (home / "sessions").iterdir())


async def put(host: LocalSessions, shelf: Shelf, name: str, data: bytes) -> None:
    await host.write(ONE, shelf, name, in_pieces(data))


async def kept(host: LocalSessions) -> bytes:
    archive = await host.keep(ONE)
    data = await whole(archive.content.pieces, most=BOUNDS.archive)
    await archive.content.close()
    return data


async def test_what_an_earlier_run_left_is_cleared_away_at_the_start(
    host: LocalSessions, home: Path, pool: LocalExecution, clock: TurnedClock
) -> None:
    await put(host, FILES, "a", b"x")
    later = hosting(home, pool, clock)
    await later.start()
    assert left(home) == []
    assert (home / "sessions").stat().st_mode & 0o777 == 0o700
    assert await later.known([ONE]) == set()


async def test_nothing_of_a_closed_session_is_left_on_the_disk(
    host: LocalSessions, home: Path
) -> None:
    await put(host, FILES, "a", b"x")
    await host.fill(ONE, Content.of(await kept(host)))
    for data in (b"", zipped({"files/a": b"x", "other/b": b"x"}), zipped({"files/a/a/a": b"x"})):
        with pytest.raises(HermeticError):
            await host.fill(ONE, Content.of(data))
    assert left(home) == [ONE]
    await host.close(ONE)
    assert left(home) == []


async def test_what_is_kept_can_be_read_though_the_session_is_closed(host: LocalSessions) -> None:
    await put(host, FILES, "a", b"x")
    archive = await host.keep(ONE)
    await host.close(ONE)
    data = await whole(archive.content.pieces, most=BOUNDS.archive)
    assert zipfile.ZipFile(io.BytesIO(data)).read("files/a") == b"x"


async def test_no_object_is_ever_unpickled(host: LocalSessions, tmp_path: Path) -> None:
    evil = b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR."
    await put(host, WORKSPACE, "model", evil)
    await host.fill(ONE, Content.of(await kept(host)))
    content = await host.read(ONE, WORKSPACE, "model")
    assert await whole(content.pieces, most=1000) == evil
    assert not (tmp_path / "ran").exists()


async def test_a_link_made_by_the_interpreter_gives_nothing_away(
    host: LocalSessions, home: Path, files: Path
) -> None:
    (home / "key").write_text("the key of the authority")
    (files / "link").symlink_to(home / "key")
    (files / "folder").symlink_to(home)
    with pytest.raises(NotFound):
        await host.read(ONE, FILES, "link")
    assert zipfile.ZipFile(io.BytesIO(await kept(host))).namelist() == []
    await host.close(ONE)
    assert (home / "key").exists()


@pytest.mark.slow
async def test_folders_without_end_do_not_keep_a_session_or_the_node_from_ending(
    host: LocalSessions, home: Path, pool: LocalExecution, clock: TurnedClock
) -> None:
    await host.open(OTHER, RuntimeKind.PYTHON)
    for session_id in (ONE, OTHER):
        dig(home / "sessions" / session_id / "files")
    with pytest.raises(BadInput, match="too deep"):
        await host.keep(ONE)
    assert await host.names(ONE, FILES) == []
    await host.close(ONE)
    await hosting(home, pool, clock).start()
    assert left(home) == []


async def test_a_session_nobody_uses_is_closed(host: LocalSessions, clock: TurnedClock) -> None:
    await host.open(OTHER, RuntimeKind.PYTHON)
    clock.advance(timedelta(hours=23))
    await host.names(OTHER, FILES)
    await host.known([ONE])  # which is no use
    clock.advance(timedelta(hours=1))
    await host.sweep()
    assert await host.known([ONE, OTHER]) == {OTHER}
    await host.stop()
    assert await host.known([ONE, OTHER]) == set()


async def test_a_session_that_runs_is_in_use(host: LocalSessions, clock: TurnedClock) -> None:
    running = asyncio.ensure_future(host.execute(ONE, SPINS, {}, ()))
    await asyncio.wait({running}, timeout=0)
    clock.advance(timedelta(days=2))
    await host.sweep()
    assert await host.known([ONE]) == {ONE}
    await host.close(ONE)
    with pytest.raises(HermeticError):
        await running


async def test_a_full_disk_leaves_what_was_there(host: LocalSessions, home: Path) -> None:
    await put(host, FILES, "a", b"x" * 100)
    archive = zipped({"files/a": os.urandom(100)})
    with files_no_larger_than(50):
        for attempt in (
            put(host, FILES, "b", b"x" * 100),
            host.keep(ONE),
            host.fill(ONE, Content.of(archive)),
        ):
            with pytest.raises(StorageFull):
                await attempt
    assert await host.names(ONE, FILES) == ["a"]
    assert left(home) == [ONE]


async def test_an_object_that_finds_no_room_when_it_is_to_be_kept_is_told(
    host: LocalSessions,
) -> None:
    await host.execute(ONE, "x = 'x' * 5000", {}, ())
    with files_no_larger_than(50), pytest.raises(StorageFull):
        await host.keep(ONE)
    assert await host.names(ONE, WORKSPACE) == ["x"]


async def test_a_folder_is_not_replaced_by_a_file_nor_a_file_by_a_folder(
    host: LocalSessions, files: Path
) -> None:
    (files / "folder").mkdir()
    await put(host, FILES, "file", b"x")
    with pytest.raises(Conflict):
        await put(host, FILES, "folder", b"x")
    for members in ({"files/folder": b"x"}, {"files/file/a": b"x"}):
        with pytest.raises(Conflict):
            await host.fill(ONE, Content.of(zipped(members)))


async def test_what_cannot_stand_in_a_bundle_is_not_kept(host: LocalSessions, files: Path) -> None:
    (files / "a\nb").write_text("x")
    with pytest.raises(BundleRejected, match="rename the file"):
        await host.keep(ONE)
    (files / "a\nb").unlink()
    await put(host, FILES, "large", b"x" * 20_001)
    with pytest.raises(BundleRejected, match="larger than 20000 bytes"):
        await host.keep(ONE)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (zipped({"files/a": os.urandom(20_001)}), BodyTooLarge),
        (zipped({"files/a": b"x" * 40_001}), BundleRejected),
        (zipped({"../a": b"x"}), BundleRejected),
    ],
)
async def test_an_archive_out_of_bounds_is_refused(
    host: LocalSessions, data: bytes, refusal: type[HermeticError]
) -> None:
    with pytest.raises(refusal):
        await host.fill(ONE, Content.of(data))
    assert await host.names(ONE, FILES) == []


async def test_an_object_that_the_interpreter_cannot_read_is_refused(host: LocalSessions) -> None:
    await host.execute(ONE, "a = 1", {}, ())
    with pytest.raises(BadInput, match="cannot be read"):
        await host.fill(ONE, Content.of(zipped({"workspace/x": b"junk"})))
    assert await host.names(ONE, WORKSPACE) == ["a"]


async def test_of_what_was_left_out_no_more_than_a_hundred_are_named(host: LocalSessions) -> None:
    code = "for n in range(101): globals()[f'g{n}'] = (one for one in ())"
    await host.execute(ONE, code, {}, ())
    archive = await host.keep(ONE)
    await archive.content.close()
    assert len(archive.left_out) == 100


async def test_an_upload_into_a_session_that_is_killed_meanwhile_ends_with_it(
    host: LocalSessions, home: Path
) -> None:
    arriving, closed = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        arriving.set()
        await closed.wait()

    uploading = asyncio.ensure_future(host.write(ONE, FILES, "a", slowly()))
    waiting = asyncio.ensure_future(put(host, FILES, "b", b"x"))
    await arriving.wait()
    await host.close(ONE, force=True)
    closed.set()
    for one in (uploading, waiting):
        with pytest.raises(SessionNotFound):
            await one
    assert left(home) == []


async def test_closing_waits_for_an_upload(host: LocalSessions) -> None:
    arriving, goes_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        arriving.set()
        await goes_on.wait()

    uploading = asyncio.ensure_future(host.write(ONE, FILES, "a", slowly()))
    await arriving.wait()
    closing = asyncio.ensure_future(host.close(ONE))
    await asyncio.wait({closing}, timeout=0)
    assert await host.known([ONE]) == {ONE}
    goes_on.set()
    await uploading
    await closing
    assert await host.known([ONE]) == set()
