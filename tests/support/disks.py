"""Disks that fail, or watch, at the step a test names."""

import errno
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

from hermetic.certstore.disk import Disk, SystemDisk

Trouble = Callable[[str, Path], None]
"""Is called with the name of each step and its path, before the step; may raise, or worse."""


class TroubledDisk:
    """A disk whose steps are counted, and which is in trouble before each that changes it.

    A `create` is two steps: before the file is there, and when half of it is written.
    """

    def __init__(self, trouble: Trouble, disk: Disk | None = None) -> None:
        self._trouble, self._disk = trouble, disk or SystemDisk()

    def make_folder(self, path: Path) -> None:
        self._trouble("make_folder", path)
        self._disk.make_folder(path)

    def create(self, path: Path, data: bytes) -> None:
        self._trouble("create", path)
        self._disk.create(path, data[: len(data) // 2])
        self._trouble("fill", path)
        with path.open("ab") as file:
            file.write(data[len(data) // 2 :])

    def sync(self, path: Path) -> None:
        self._trouble("sync", path)
        self._disk.sync(path)

    def link(self, path: Path, target: str) -> None:
        self._trouble("link", path)
        self._disk.link(path, target)

    def rename(self, source: Path, target: Path) -> None:
        self._trouble("rename", target)
        self._disk.rename(source, target)

    def remove(self, path: Path) -> None:
        self._trouble("remove", path)
        self._disk.remove(path)

    def read(self, path: Path) -> bytes:
        return self._disk.read(path)


class Steps:
    """A trouble that only counts: which steps there are."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def __call__(self, step: str, path: Path) -> None:
        self.taken.append(f"{step} {path.name}")


class FullAt:
    """A disk that fills up at the step *number* (from 0), and has no room from then on.

    Only what needs room fails after that step; removing and renaming still work, as on a real
    disk.  With `lasting=False` there is room again at once.
    """

    NEEDS_ROOM = frozenset({"make_folder", "create", "fill", "link", "sync"})

    def __init__(self, number: int, code: int = errno.ENOSPC, *, lasting: bool = True) -> None:
        self._number, self._code, self._lasting = number, code, lasting
        self.step: str | None = None

    def end(self) -> None:
        """Let there be room from now on."""
        self._number, self._lasting = -1, False

    def __call__(self, step: str, path: Path) -> None:
        self._number -= 1
        begins = self._number == -1
        if begins:
            self.step = f"{step} {path.name}"
        goes_on = self._lasting and self._number < -1 and step in self.NEEDS_ROOM
        if begins or goes_on:
            raise OSError(self._code, os.strerror(self._code), str(path))


class KilledAt:
    """The end of this process, by SIGKILL, before the step *number* (from 0)."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, step: str, path: Path) -> None:
        self._number -= 1
        if self._number == -1:
            os.kill(os.getpid(), signal.SIGKILL)


class Stopped(BaseException):
    """The end of a process as far as it can be played in this one: nothing may catch it."""


class StoppedAt:
    """The end of whoever uses the disk before the step *number* (from 0)."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, step: str, path: Path) -> None:
        self._number -= 1
        if self._number == -1:
            raise Stopped(step)


class Onlooker:
    """Looks at every mode below *root* before each step: what others could ever have read."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.open_to_others: set[str] = set()
        self.looks = 0

    def __call__(self, step: str, path: Path) -> None:
        self.looks += 1
        self.open_to_others |= readable_by_others(self._root)


def readable_by_others(root: Path) -> set[str]:
    """Return what at *root* and below it group or others could use, links left out."""
    found = set()
    for path in (root, *root.rglob("*")):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:  # removed while we look
            continue
        if not stat.S_ISLNK(mode) and stat.S_IMODE(mode) & 0o077:
            found.add(f"{stat.S_IMODE(mode):04o} {path.name}")
    return found


class SleeplessDisk(SystemDisk):
    """A disk that does not wait until what is written is safe: for simulations of years."""

    def sync(self, path: Path) -> None:
        pass
