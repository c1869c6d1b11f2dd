import asyncio
import hashlib
import stat
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from hermetic.clock import TurnedClock
from hermetic.errors import BodyTooLarge, BundleRejected, StorageFull
from hermetic.registry.archives import unpack
from hermetic.registry.bundles import GRACE, BundleArchive
from hermetic.registry.disk import remove_tree
from hermetic.serving.bundle import Bounds
from tests.registry.conftest import BOUNDS
from tests.support.archives import in_pieces, zipped
from tests.support.room import files_no_larger_than

DEADLINE_S = 20
GOOD = zipped({"files/a.txt": b"hello"})
DIGEST = hashlib.sha256(GOOD).hexdigest()


def names(tmp_path: Path) -> list[str]:
    """Return what lies in the two folders, hidden files too."""
    return sorted(
        f"{folder}/{path.name[:9]}"
        for folder in ("bundles", "unpacked")
        for path in (tmp_path / folder).iterdir()
    )


async def test_adding_it_again_changes_nothing(bundles: BundleArchive, tmp_path: Path) -> None:
    await bundles.add(in_pieces(GOOD))
    before = names(tmp_path)
    await asyncio.gather(*(bundles.add(in_pieces(GOOD)) for _ in range(5)))
    assert names(tmp_path) == before


async def test_two_may_be_unpacking_it_at_once(bundles: BundleArchive, tmp_path: Path) -> None:
    await bundles.add(in_pieces(GOOD))
    remove_tree(await bundles.folder(DIGEST))
    at_once = threading.Barrier(2)

    def unpack_slowly(archive: BinaryIO, target: Path, bounds: Bounds) -> None:
        unpack(archive, target, bounds)
        at_once.wait(DEADLINE_S)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hermetic.registry.bundles.unpack", unpack_slowly)
        folders = await asyncio.gather(*(bundles.folder(DIGEST) for _ in range(2)))
    assert folders[0] == folders[1]
    assert len(names(tmp_path)) == 2


async def test_folders_and_files_are_ours_alone(bundles: BundleArchive, tmp_path: Path) -> None:
    await bundles.add(in_pieces(GOOD))
    for path in tmp_path.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077


@pytest.mark.parametrize("data", [b"", b"garbage", GOOD[:-5], zipped({"../evil": b"x"})])
async def test_what_is_refused_leaves_nothing(
    bundles: BundleArchive, tmp_path: Path, data: bytes
) -> None:
    with pytest.raises(BundleRejected):
        await bundles.add(in_pieces(data))
    assert names(tmp_path) == []


async def test_what_is_too_large_leaves_nothing(bundles: BundleArchive, tmp_path: Path) -> None:
    with pytest.raises(BodyTooLarge):
        await bundles.add(in_pieces(b"x" * (BOUNDS.archive + 1)))
    assert names(tmp_path) == []


async def test_a_full_disk_leaves_nothing(bundles: BundleArchive, tmp_path: Path) -> None:
    large = zipped({"files/a": b"x" * 100_000})  # small as it comes, large once unpacked
    with files_no_larger_than(50_000), pytest.raises(StorageFull):
        await bundles.add(in_pieces(large))
    with files_no_larger_than(50), pytest.raises(StorageFull):
        await bundles.add(in_pieces(large))
    assert names(tmp_path) == []
    assert (await bundles.add(in_pieces(large))).members == 1


async def test_a_connection_that_breaks_leaves_nothing(
    bundles: BundleArchive, tmp_path: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield GOOD[:50]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await bundles.add(broken())
    assert names(tmp_path) == []


async def test_what_an_interrupted_run_left_is_removed_at_the_start(
    tmp_path: Path, clock: TurnedClock
) -> None:
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles" / ".incoming-1").write_bytes(GOOD[:10])
    (tmp_path / "unpacked" / ".incoming-2" / "files").mkdir(parents=True)
    (tmp_path / "unpacked" / ".incoming-2" / "files").chmod(0o500)
    await BundleArchive(tmp_path / "bundles", tmp_path / "unpacked", clock=clock).start()
    assert names(tmp_path) == []


async def test_an_archive_damaged_on_the_disk_is_not_unpacked(bundles: BundleArchive) -> None:
    await bundles.add(in_pieces(GOOD))
    remove_tree(await bundles.folder(DIGEST))
    path = await bundles.path(DIGEST)
    path.chmod(0o600)
    path.write_bytes(zipped({"files/a.txt": b"other"}))
    with pytest.raises(BundleRejected, match="damaged on the disk"):
        await bundles.folder(DIGEST)


async def test_what_is_only_kept_is_not_unpacked(bundles: BundleArchive, tmp_path: Path) -> None:
    await bundles.add(in_pieces(GOOD), unpacks=False)
    assert names(tmp_path) == [f"bundles/{DIGEST[:9]}"]
    assert (await bundles.folder(DIGEST) / "files" / "a.txt").read_text() == "hello"


async def test_what_is_only_kept_has_to_be_a_bundle(bundles: BundleArchive, tmp_path: Path) -> None:
    with pytest.raises(BundleRejected):
        await bundles.add(in_pieces(zipped({"../evil": b"x"})), unpacks=False)
    assert names(tmp_path) == []


async def test_what_nobody_refers_to_is_swept_after_a_while(
    bundles: BundleArchive, tmp_path: Path, clock: TurnedClock
) -> None:
    await bundles.add(in_pieces(GOOD))
    clock.advance(GRACE)
    await bundles.sweep(kept=set(), served=set())
    assert names(tmp_path) == []


async def test_what_was_just_touched_is_not_swept(
    bundles: BundleArchive, tmp_path: Path, clock: TurnedClock
) -> None:
    await bundles.add(in_pieces(GOOD))
    clock.advance(GRACE - timedelta(seconds=1))
    await bundles.touch(DIGEST)
    clock.advance(GRACE - timedelta(seconds=1))
    await bundles.sweep(kept=set(), served=set())
    assert len(names(tmp_path)) == 2


async def test_what_is_referred_to_is_never_swept(
    bundles: BundleArchive, tmp_path: Path, clock: TurnedClock
) -> None:
    await bundles.add(in_pieces(GOOD))
    clock.advance(GRACE * 1000)
    await bundles.sweep(kept={DIGEST}, served={DIGEST})
    assert len(names(tmp_path)) == 2


async def test_of_what_is_only_kept_the_tree_is_swept(
    bundles: BundleArchive, tmp_path: Path, clock: TurnedClock
) -> None:
    await bundles.add(in_pieces(GOOD))
    clock.advance(GRACE)
    await bundles.sweep(kept={DIGEST}, served=set())
    assert names(tmp_path) == [f"bundles/{DIGEST[:9]}"]
    assert await bundles.folder(DIGEST)


async def test_what_comes_from_elsewhere_is_compared_with_its_digest(
    bundles: BundleArchive, tmp_path: Path
) -> None:
    with pytest.raises(BundleRejected, match="came damaged"):
        await bundles.restore("0" * 64, in_pieces(GOOD))
    assert names(tmp_path) == []
    await bundles.restore(DIGEST, in_pieces(GOOD))
    assert names(tmp_path) == [f"bundles/{DIGEST[:9]}"]
    assert (await bundles.folder(DIGEST) / "files" / "a.txt").read_text() == "hello"


async def test_a_copy_is_discarded_without_its_tree(bundles: BundleArchive, tmp_path: Path) -> None:
    await bundles.add(in_pieces(GOOD))
    for _ in range(2):
        await bundles.discard(DIGEST)
    assert names(tmp_path) == [f"unpacked/{DIGEST[:9]}"]
