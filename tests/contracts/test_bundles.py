"""What every maker of `Bundles` is held to."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import BodyTooLarge, BundleRejected, NotFound
from hermetic.registry.bundles import GRACE, BundleArchive, Bundles
from hermetic.registry.disk import remove_tree
from hermetic.registry.shared_bundles import SharedBundles
from hermetic.serving.bundle import Bounds
from tests.support.archives import in_pieces, zipped

BOUNDS = Bounds(archive=2_000_000, unpacked=4_000_000, members=50)
GOOD = zipped({"files/a.txt": b"hello"})
DIGEST = hashlib.sha256(GOOD).hexdigest()

Opening = Callable[[], Awaitable[Bundles]]
"""Opens the same bundles once more, as another process would that shares them."""


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "db")
    await database.open()
    yield database
    await database.close()


@pytest.fixture(params=["archive", "shared"])
def opening(
    request: pytest.FixtureRequest, tmp_path: Path, clock: TurnedClock, database: SqliteDatabase
) -> Opening:
    nodes = iter(range(10))

    async def opened() -> Bundles:
        home = tmp_path if request.param == "archive" else tmp_path / str(next(nodes))
        local = BundleArchive(home / "archives", home / "trees", clock=clock, bounds=BOUNDS)
        shared = SharedBundles(local, database, clock)
        bundles: Bundles = local if request.param == "archive" else shared
        await bundles.start()
        return bundles

    return opened


@pytest.fixture
async def bundles(opening: Opening) -> Bundles:
    return await opening()


async def test_a_bundle_is_known_by_its_digest(bundles: Bundles) -> None:
    bundle = await bundles.add(in_pieces(GOOD))
    assert (bundle.digest, bundle.size, bundle.members) == (DIGEST, len(GOOD), 1)
    assert (await bundles.path(DIGEST)).read_bytes() == GOOD


async def test_its_tree_can_be_read(bundles: Bundles) -> None:
    await bundles.add(in_pieces(GOOD))
    folder = await bundles.folder(DIGEST)
    assert (folder / "files" / "a.txt").read_text() == "hello"
    remove_tree(folder)
    assert (await bundles.folder(DIGEST) / "files" / "a.txt").read_text() == "hello"


async def test_whoever_shares_them_has_it_too(opening: Opening) -> None:
    await (await opening()).add(in_pieces(GOOD))
    other = await opening()
    assert (await other.path(DIGEST)).read_bytes() == GOOD
    assert (await other.folder(DIGEST) / "files" / "a.txt").read_text() == "hello"


async def test_several_may_add_it_at_once(opening: Opening) -> None:
    several = [await opening() for _ in range(3)]
    added = await asyncio.gather(*(one.add(in_pieces(GOOD)) for one in several * 2))
    assert {bundle.digest for bundle in added} == {DIGEST}
    for one in several:
        assert (await one.path(DIGEST)).read_bytes() == GOOD


@pytest.mark.parametrize("data", [b"", b"garbage", GOOD[:-5], zipped({"../evil": b"x"})])
async def test_what_is_refused_is_not_kept(bundles: Bundles, data: bytes) -> None:
    with pytest.raises(BundleRejected):
        await bundles.add(in_pieces(data))
    with pytest.raises(NotFound):
        await bundles.path(hashlib.sha256(data).hexdigest())


async def test_what_is_too_large_is_not_kept(bundles: Bundles) -> None:
    with pytest.raises(BodyTooLarge):
        await bundles.add(in_pieces(b"x" * (BOUNDS.archive + 1)))


@pytest.mark.parametrize("digest", ["", "..", "../db", "a" * 64, "A" * 64, "\0"])
async def test_what_is_no_bundle_is_not_found(bundles: Bundles, digest: str) -> None:
    for ask in (bundles.path, bundles.folder, bundles.touch):
        with pytest.raises(NotFound, match="upload it first"):
            await ask(digest)


async def test_what_is_only_kept_can_be_unpacked_later(opening: Opening) -> None:
    await (await opening()).add(in_pieces(GOOD), unpacks=False)
    folder = await (await opening()).folder(DIGEST)
    assert (folder / "files" / "a.txt").read_text() == "hello"


async def test_what_is_only_kept_has_to_be_a_bundle(bundles: Bundles) -> None:
    with pytest.raises(BundleRejected):
        await bundles.add(in_pieces(zipped({"../evil": b"x"})), unpacks=False)


async def test_what_nobody_refers_to_is_swept_after_a_while(
    bundles: Bundles, clock: TurnedClock
) -> None:
    await bundles.add(in_pieces(GOOD))
    clock.advance(GRACE - timedelta(seconds=1))
    await bundles.sweep(kept=set(), served=set())
    assert await bundles.path(DIGEST)
    clock.advance(timedelta(seconds=1))
    await bundles.sweep(kept=set(), served=set())
    with pytest.raises(NotFound):
        await bundles.path(DIGEST)
    assert (await bundles.add(in_pieces(GOOD))).digest == DIGEST


async def test_what_was_just_touched_is_not_swept(bundles: Bundles, clock: TurnedClock) -> None:
    await bundles.add(in_pieces(GOOD))
    for keep in (bundles.touch, bundles.folder, lambda _: bundles.add(in_pieces(GOOD))):
        clock.advance(GRACE - timedelta(seconds=1))
        await keep(DIGEST)
        clock.advance(GRACE - timedelta(seconds=1))
        await bundles.sweep(kept=set(), served=set())
        assert await bundles.path(DIGEST)


async def test_what_is_referred_to_is_never_swept(bundles: Bundles, clock: TurnedClock) -> None:
    await bundles.add(in_pieces(GOOD))
    clock.advance(GRACE * 1000)
    await bundles.sweep(kept={DIGEST}, served=set())
    assert (await bundles.folder(DIGEST) / "files" / "a.txt").read_text() == "hello"
