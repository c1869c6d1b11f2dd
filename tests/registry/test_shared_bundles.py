import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database, Transaction
from hermetic.errors import BundleRejected, NotFound, StorageFull, Unavailable
from hermetic.registry.bundles import GRACE, BundleArchive
from hermetic.registry.disk import remove_tree
from hermetic.registry.services import Services
from hermetic.registry.shared_bundles import SharedBundles
from hermetic.registry.snapshots import SnapshotRegistry
from tests.registry.conftest import BOUNDS
from tests.registry.test_services import anybody, version
from tests.registry.test_snapshots import SNAPSHOT
from tests.support.archives import in_pieces, zipped

T = TypeVar("T")

# Longer than one piece, and no multiple of it.
GOOD = zipped({"files/model": random.Random(1).randbytes(1_500_000)})
DIGEST = hashlib.sha256(GOOD).hexdigest()


class Node:
    """A node with copies of its own."""

    def __init__(self, home: Path, database: Database, clock: TurnedClock) -> None:
        self.local = BundleArchive(home / "archives", home / "trees", clock=clock, bounds=BOUNDS)
        self.bundles = SharedBundles(self.local, database, clock)


@pytest.fixture
async def one(tmp_path: Path, database: Database, clock: TurnedClock) -> Node:
    node = Node(tmp_path / "one", database, clock)
    await node.bundles.start()
    return node


@pytest.fixture
async def other(tmp_path: Path, database: Database, clock: TurnedClock) -> Node:
    node = Node(tmp_path / "other", database, clock)
    await node.bundles.start()
    return node


async def kept(database: Database) -> tuple[int, int]:
    """Return how many bundles and how many pieces the database holds."""
    archives = await database.read("SELECT COUNT(*) AS number FROM bundle_archives")
    pieces = await database.read("SELECT COUNT(*) AS number FROM bundle_pieces")
    return archives[0]["number"], pieces[0]["number"]


async def run(database: Database, sql: str) -> None:
    await database.write(lambda transaction: transaction.change(sql))


async def test_a_bundle_is_kept_in_pieces_and_once(
    database: Database, one: Node, other: Node
) -> None:
    await asyncio.gather(*(node.bundles.add(in_pieces(GOOD)) for node in (one, other, one)))
    assert await kept(database) == (1, 2)


async def test_another_node_fetches_it_once_however_many_ask(
    database: Database, one: Node, other: Node
) -> None:
    await one.bundles.add(in_pieces(GOOD))
    with pytest.raises(NotFound):
        await other.local.path(DIGEST)
    folders = await asyncio.gather(*(other.bundles.folder(DIGEST) for _ in range(5)))
    assert len(set(folders)) == 1
    await run(database, "UPDATE bundle_pieces SET digest = 'gone'")
    assert (await other.bundles.path(DIGEST)).read_bytes() == GOOD


async def test_what_comes_damaged_is_not_taken(database: Database, one: Node, other: Node) -> None:
    await one.bundles.add(in_pieces(GOOD))
    await run(database, "UPDATE bundle_pieces SET number = number + 10")
    await run(database, "UPDATE bundle_pieces SET number = 11 - number")
    with pytest.raises(BundleRejected, match="came damaged"):
        await other.bundles.folder(DIGEST)
    with pytest.raises(NotFound):
        await other.local.path(DIGEST)


async def test_what_was_damaged_here_is_fetched_again(one: Node) -> None:
    await one.bundles.add(in_pieces(GOOD))
    path = await one.local.path(DIGEST)
    path.chmod(0o600)
    path.write_bytes(zipped({"files/model": b"other"}))
    remove_tree(await one.local.folder(DIGEST))
    folder = await one.bundles.folder(DIGEST)
    assert len((folder / "files" / "model").read_bytes()) == 1_500_000


async def test_a_copy_does_not_outlive_what_it_is_of(
    database: Database, one: Node, clock: TurnedClock
) -> None:
    await one.bundles.add(in_pieces(GOOD))
    await run(database, "DELETE FROM bundle_archives")
    for ask in (one.bundles.folder, one.bundles.touch):
        with pytest.raises(NotFound):
            await ask(DIGEST)


@pytest.mark.parametrize("what", ["service", "snapshot"])
async def test_what_another_node_refers_to_meanwhile_is_not_swept(
    database: Database, one: Node, clock: TurnedClock, what: str
) -> None:
    await one.bundles.add(in_pieces(GOOD))
    clock.advance(GRACE)
    if what == "service":
        await Services(database).add(replace(version("1"), bundle=DIGEST), anybody)
    else:
        await SnapshotRegistry(database).add(replace(SNAPSHOT, bundle=DIGEST))
    await one.bundles.sweep(kept=set(), served=set())
    assert await kept(database) == (1, 2)
    assert (await one.bundles.path(DIGEST)).read_bytes() == GOOD  # fetched: the copy was swept


async def test_a_copy_is_swept_apart_from_what_it_is_of(
    database: Database, one: Node, other: Node, clock: TurnedClock
) -> None:
    await one.bundles.add(in_pieces(GOOD))
    clock.advance(GRACE)
    await other.bundles.folder(DIGEST)
    await one.bundles.sweep(kept=set(), served=set())
    with pytest.raises(NotFound):
        await one.local.path(DIGEST)
    assert await kept(database) == (1, 2)
    assert await other.local.path(DIGEST)


async def test_what_is_swept_leaves_no_piece(
    database: Database, one: Node, clock: TurnedClock
) -> None:
    await one.bundles.add(in_pieces(GOOD))
    clock.advance(GRACE)
    await one.bundles.sweep(kept=set(), served=set())
    assert await kept(database) == (0, 0)


async def test_what_a_killed_node_left_is_no_bundle_and_is_swept_later(
    database: Database, one: Node, clock: TurnedClock
) -> None:
    await one.bundles.add(in_pieces(GOOD))
    await run(database, "DELETE FROM bundle_archives")
    clock.advance(GRACE - timedelta(seconds=1))
    await one.bundles.sweep(kept=set(), served=set())
    assert await kept(database) == (0, 2)
    clock.advance(timedelta(seconds=1))
    await one.bundles.sweep(kept=set(), served=set())
    assert await kept(database) == (0, 0)


async def test_what_a_killed_node_left_is_completed(database: Database, one: Node) -> None:
    await one.bundles.add(in_pieces(GOOD))
    await run(database, "DELETE FROM bundle_archives")
    await run(database, "DELETE FROM bundle_pieces WHERE number = 0")
    await one.bundles.add(in_pieces(GOOD))
    assert await kept(database) == (1, 2)


class Losing:
    """A database in which pieces vanish as soon as they are put there."""

    def __init__(self, database: Database, error: Exception | None = None) -> None:
        self._database, self._error = database, error
        self.open, self.close, self.read = database.open, database.close, database.read

    async def write(self, change: Callable[[Transaction], T]) -> T:
        if self._error is not None:
            raise self._error
        done = await self._database.write(change)
        await run(self._database, "DELETE FROM bundle_pieces")
        return done


async def test_what_vanishes_on_the_way_is_not_acknowledged(
    tmp_path: Path, database: Database, clock: TurnedClock
) -> None:
    node = Node(tmp_path, Losing(database), clock)
    await node.bundles.start()
    with pytest.raises(Unavailable, match="clocks of all nodes"):
        await node.bundles.add(in_pieces(GOOD))
    assert await kept(database) == (0, 0)


async def test_what_the_database_has_no_room_for_is_not_acknowledged(
    tmp_path: Path, database: Database, clock: TurnedClock
) -> None:
    node = Node(tmp_path, Losing(database, StorageFull("Full.")), clock)
    await node.bundles.start()
    with pytest.raises(StorageFull):
        await node.bundles.add(in_pieces(GOOD))
    assert await kept(database) == (0, 0)
