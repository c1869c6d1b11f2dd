"""One entry on the disk, without certificates: what a failure at each step leaves behind."""

from pathlib import Path

import pytest

from hermetic.certstore.disk import SYSTEM_DISK, Disk
from hermetic.certstore.versions import Versions
from tests.support.disks import FullAt, SleeplessDisk, Steps, TroubledDisk

OLD, NEW = {"tls.key": b"old key", "tls.crt": b"old"}, {"tls.key": b"new key", "tls.crt": b"new"}
STEPS_OF_A_WRITE = 15
"""Make the draft, two files of create, fill and sync, sync, rename, sync, link, link, rename,
sync, and the first removal, which may fail."""
STEPS_OF_A_FIRST_WRITE = 4 + STEPS_OF_A_WRITE - 2
"""With both folders, each made durable; without a link back and its removal."""


def versions_of(folder: Path, disk: Disk = SYSTEM_DISK) -> Versions:
    versions = Versions(folder, disk)
    versions.make()
    return versions


def current_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "current").iterdir()}


def names_in(folder: Path) -> set[str]:
    below = (str(p.relative_to(folder)) for p in folder.rglob("*") if p.parent.name != "current")
    return {name for name in below if name.count("/") < 2}


def test_the_first_version_is_number_one(tmp_path: Path) -> None:
    versions = versions_of(tmp_path / "api")
    assert (versions.current, versions.numbers) == (None, [])
    assert versions.add(OLD) == 1
    assert (versions.current, current_of(tmp_path / "api")) == (1, OLD)


def test_two_earlier_versions_are_kept(tmp_path: Path) -> None:
    versions = versions_of(tmp_path / "api", SleeplessDisk())
    for number in range(1, 7):
        assert versions.add(OLD) == number
    assert versions.numbers == [6, 5, 4]
    assert names_in(tmp_path / "api") == {
        "current", "versions", "versions/4", "versions/5", "versions/6",
    }  # fmt: skip


def test_a_write_takes_the_steps_the_failures_are_tried_at(tmp_path: Path) -> None:
    versions_of(tmp_path / "api").add(OLD)
    steps = Steps()
    versions_of(tmp_path / "api", TroubledDisk(steps)).add(NEW)
    assert len(steps.taken) == STEPS_OF_A_WRITE
    assert steps.taken.index("sync .2.new") < steps.taken.index("rename 2")
    assert steps.taken.index("sync versions") < steps.taken.index("rename current")
    assert steps.taken.index("rename current") < steps.taken.index("sync api")


@pytest.mark.parametrize("lasting", [True, False])
@pytest.mark.parametrize("step", range(STEPS_OF_A_WRITE - 1))
def test_a_disk_that_fills_up_at_any_step_leaves_the_old_version(
    tmp_path: Path, step: int, lasting: bool
) -> None:
    folder = tmp_path / "api"
    versions_of(folder).add(OLD)
    before = names_in(folder)
    full = FullAt(step, lasting=lasting)
    with pytest.raises(OSError, match="No space left"):
        versions_of(folder, TroubledDisk(full)).add(NEW)
    assert full.step is not None
    assert current_of(folder) == OLD
    assert names_in(folder) == before
    versions_of(folder).add(NEW)
    assert current_of(folder) == NEW


@pytest.mark.parametrize("step", range(STEPS_OF_A_FIRST_WRITE))
def test_a_disk_that_fills_up_at_any_step_of_a_first_write_leaves_no_version(
    tmp_path: Path, step: int
) -> None:
    folder = tmp_path / "api"
    full = FullAt(step)
    with pytest.raises(OSError, match="No space left"):
        versions_of(folder, TroubledDisk(full)).add(NEW)
    assert full.step is not None
    full.end()
    assert (versions_of(folder).numbers, versions_of(folder).current) == ([], None)
    assert versions_of(folder).add(NEW) == 1
    assert current_of(folder) == NEW


def test_only_the_newest_of_what_was_damaged_are_kept(tmp_path: Path) -> None:
    versions = versions_of(tmp_path / "api", SleeplessDisk())
    for _ in range(15):
        versions.set_aside(versions.add(OLD))
    kept = sorted(int(path.name) for path in (tmp_path / "api" / "quarantine").iterdir())
    assert kept == list(range(6, 16))
    assert versions.add(NEW) == 16
