"""One entry on the disk: its versions, and the symlink that says which is current.

::

    versions/7/         whole, and never changed again
    current -> versions/7
    quarantine/6/       what was damaged

A version is written under a hidden name, brought to the disk, given its number and only then
made current, by one rename.  So there is an old version or a new one at every instant, also for
a process that reads `current/` without asking us; docs/decisions/0002 has the figures.  What a
killed writer left behind has a hidden name, or a number above the current one: the next writer
sweeps it.  Nothing here locks, and nothing here knows what a certificate is.
"""

import errno
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hermetic.certstore.disk import Disk

_EARLIER = 2
"""How many versions stay beside the current one: for a disk that damages one, and for a person
who wants back what last week's import replaced."""
_DAMAGED = 10
"""How many damaged versions stay to be looked at; there are keys in them."""
_NO_LINK = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EINVAL})


class Versions:
    """The versions of one entry in *folder*.

    Every method lets `OSError` through.  Only the holder of the entry's lock may call those
    that change something.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder, self._disk = folder, disk
        self.path = folder / "versions"
        self._current = folder / "current"
        self._quarantine = folder / "quarantine"

    @property
    def current(self) -> int | None:
        """The number of the current version; None if there is no link, or a strange one."""
        try:
            parent, _, number = str(self._current.readlink()).rpartition("/")
        except OSError as error:
            if error.errno in _NO_LINK:
                return None
            raise
        return int(number) if parent == "versions" and number.isdecimal() else None

    @property
    def numbers(self) -> list[int]:
        """The numbers there are, newest first."""
        return _numbers(self.path)

    def folder_of(self, number: int) -> Path:
        """Return where the version *number* is, or would be."""
        return self.path / str(number)

    def make(self) -> None:
        """Make the folders of the entry, and those above it, where they are missing."""
        make_folders(self.path, self._disk)

    def add(self, documents: Mapping[str, bytes]) -> int:
        """Write *documents* as a new version, make it current, and return its number.

        If that fails, what was current is current again, and nothing of the new one remains.
        """
        before = self.current
        number = max([0, *self.numbers, *_numbers(self._quarantine)]) + 1
        self._sweep(before)
        try:
            self._write(number, documents)
            self._switch(number, before)
        except OSError:
            self._go_back(number, before)
            raise
        self._tidy()
        return number

    def set_aside(self, number: int) -> Path:
        """Move the version *number* to the quarantine, and return where it lies now."""
        make_folders(self._quarantine, self._disk)
        aside = self._quarantine / str(number)
        self._disk.rename(self.folder_of(number), aside)
        self._disk.sync(self._quarantine)
        self._disk.sync(self.path)
        with suppress(OSError):  # setting aside has succeeded without this
            for old in _numbers(self._quarantine)[_DAMAGED:]:
                discard(self._quarantine / str(old), self._disk)
        return aside

    def lead_to(self, number: int | None) -> None:
        """Make the version *number*, which is there, the current one; or none."""
        self._sweep(None)
        if number is not None:
            self._switch(number, None)
        elif self._current.is_symlink():
            self._disk.remove(self._current)
            self._disk.sync(self._folder)

    def _write(self, number: int, documents: Mapping[str, bytes]) -> None:
        """Bring *documents* to the disk under *number*, to which nothing leads yet."""
        draft = self.path / f".{number}.new"
        self._disk.make_folder(draft)
        for name, data in documents.items():
            self._disk.create(draft / name, data)
            self._disk.sync(draft / name)
        self._disk.sync(draft)
        self._disk.rename(draft, self.folder_of(number))
        self._disk.sync(self.path)

    def _switch(self, number: int, before: int | None) -> None:
        """Let `current` lead to *number*; the link back is laid first, while there is room."""
        if before is not None:
            self._disk.link(self._folder / ".current.old", f"versions/{before}")
        self._disk.link(self._folder / ".current.new", f"versions/{number}")
        self._disk.rename(self._folder / ".current.new", self._current)
        self._disk.sync(self._folder)

    def _go_back(self, number: int, before: int | None) -> None:
        """Undo an `add` that failed, which needs no room; what resists, the next one sweeps."""
        with suppress(OSError):
            if self.current != before:
                if before is None:
                    self._disk.remove(self._current)
                else:
                    self._disk.rename(self._folder / ".current.old", self._current)
            if self.folder_of(number).is_dir():  # a reader would take it where there is no link
                self._retire(number)
            self._sweep(before)

    def _retire(self, number: int) -> None:
        """Remove a version, hidden first, so that half of it is never taken for one."""
        hidden = self.path / f".{number}.old"
        self._disk.rename(self.folder_of(number), hidden)
        discard(hidden, self._disk)

    def _sweep(self, current: int | None) -> None:
        """Remove what a writer left behind that did not come to its end."""
        for path in (*self._folder.iterdir(), *self.path.iterdir()):
            if path.name.startswith("."):
                discard(path, self._disk)
        for number in self.numbers:
            if current is not None and number > current:
                discard(self.folder_of(number), self._disk)
        if self._current.is_dir() and not self._current.is_symlink():
            # a backup that followed links was restored: `versions` holds the same once more
            make_folders(self._quarantine, self._disk)
            inode = self._current.stat().st_ino  # a name that nothing there has
            self._disk.rename(self._current, self._quarantine / f"current.{inode}")

    def _tidy(self) -> None:
        """Remove the link back and the oldest versions; the write has succeeded without this."""
        with suppress(OSError):
            if (self._folder / ".current.old").is_symlink():
                self._disk.remove(self._folder / ".current.old")
            for number in self.numbers[1 + _EARLIER :]:
                self._retire(number)


def make_folders(path: Path, disk: Disk) -> None:
    """Make the folder *path* and those above it where they are missing, all of them durable."""
    if path.is_dir():
        return
    make_folders(path.parent, disk)
    with suppress(FileExistsError):  # another process was faster
        disk.make_folder(path)
    disk.sync(path.parent)


def discard(path: Path, disk: Disk) -> None:
    """Remove *path* and all below it; what somebody else removes meanwhile is as well."""
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            for inside in path.iterdir():
                discard(inside, disk)
        disk.remove(path)


def _numbers(folder: Path) -> list[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)
