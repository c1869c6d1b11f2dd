"""The folder a call runs in: what it finds there, what it leaves, and how it is emptied.

Runs in a worker, with no more rights than the service's code has, so that collecting a file can
never read what the code could not; symbolic links are not followed all the same.  Standard
library only.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Sequence

from hermetic.errors import HermeticError, StorageFull

_MOST_CHANGED = 1000
_COPY = 1 << 20
_TICK_NS = 100_000_000  # Kernels count in ticks of 1 to 10 ms.
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

Print = tuple[int, int, int]
"""Size, time of the last change in nanoseconds, inode: what tells whether a file is the same."""


class CallFolder:
    """The working directory of every call of one worker, and the files each call starts with."""

    def __init__(self, path: str, template: str | None = None) -> None:
        self._path = path
        self._templates = [template] if template is not None else []
        self._start: dict[str, Print] = {}
        self._fd = -1
        self._untouched = False
        """Whether the last look at the folder found it there, with nothing in it."""
        self._empty_at = -1
        """The time of change that the folder has for as long as it stays empty."""

    def enter(self) -> None:
        """Make the folder, fill it and make it the working directory.

        Raises:
            StorageFull: It cannot be made or filled.
        """
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._path, 0o700)
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
        self._fd = os.open(self._path, _FOLDER)
        os.fchdir(self._fd)
        self._fill()

    def changed(self) -> list[str]:
        """Return the paths, inside the folder, of the files that were made or written, sorted."""
        if not self._start and self._is_empty():
            self._untouched = self._empty_at >= 0
            return []
        self._untouched = False
        found = [
            path
            for path, entry in _files(self._path)
            if self._start.get(path) != _print(entry.stat(follow_symlinks=False))
        ]
        return sorted(found)[:_MOST_CHANGED]

    def adopt(self, template: str) -> None:
        """Let every call find what is in the folder now; copies are kept in *template*.

        Raises:
            StorageFull: The copies cannot be made.
        """
        changed = self.changed()
        if not changed:
            return
        try:
            for path in changed:
                target = f"{template}/{path}"
                os.makedirs(os.path.dirname(target), exist_ok=True)
                if os.path.isfile(path) and not os.path.islink(path):
                    _copy(f"{self._path}/{path}", target)
        except OSError as error:
            raise StorageFull(f"What the first run left cannot be kept: {error}.") from error
        self._templates.append(template)

    def read(self, names: Sequence[str], most: int) -> dict[str, bytes | None]:
        """Return the content of the files *names*; `None` for one that is no regular file.

        Raises:
            HermeticError: They hold more than *most* bytes together.
        """
        files: dict[str, bytes | None] = {}
        for name in names:
            files[name] = self._read(name, most)
            most -= len(files[name] or b"")
        return files

    def reset(self, *, quiet: bool = False) -> bool:
        """Bring the folder back to how calls find it; `False` if that was not possible.

        *quiet* says that nothing of the call can have run since `changed`, which then has seen
        what there is to see.
        """
        untouched, self._untouched = self._untouched and quiet, False
        try:
            os.fchdir(self._fd)
            if untouched:
                return True
            if os.fstat(self._fd).st_nlink == 0:
                # The code removed the folder itself.
                self.enter()
            elif self._start or not self._is_empty():
                self._empty()
                self._fill()
        except (OSError, HermeticError):
            return False
        return True

    def _is_empty(self) -> bool:
        """Whether nothing is in the folder; also where the folder itself was removed.

        To list it is a quarter of what a small call costs.  The time of its last change, which
        no program can set, tells the same, once that lies so far back that no later change can
        have fallen into the same tick of the file system's clock.
        """
        state = os.fstat(self._fd)
        if state.st_ctime_ns == self._empty_at:
            return True
        self._empty_at = -1
        try:
            empty = not os.listdir(self._fd)
        except FileNotFoundError:
            # It was removed: some file systems say so instead of listing nothing.
            return True
        if empty and state.st_nlink and time.time_ns() - state.st_ctime_ns > _TICK_NS:
            self._empty_at = state.st_ctime_ns
        return empty

    def _read(self, name: str, most: int) -> bytes | None:
        try:
            # Not blocking: the name may be a pipe nobody writes to.
            fd = os.open(
                name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._fd
            )
        except OSError:
            return None
        state = os.fstat(fd)
        if not stat.S_ISREG(state.st_mode):
            os.close(fd)
            return None
        with open(fd, "rb") as file:
            data = file.read(most + 1) if state.st_size <= most else None
        if data is None or len(data) > most:
            raise HermeticError(
                f"The file {name!r} is too large to be given back: {state.st_size} bytes where"
                f" {most} are left."
            )
        return data

    def _fill(self) -> None:
        try:
            for path, entry in (file for folder in self._templates for file in _files(folder)):
                target = f"{self._path}/{path}"
                old = self._start.get(path)
                with contextlib.suppress(OSError):
                    if old is not None and old == _print(os.lstat(target)):
                        continue
                os.makedirs(os.path.dirname(target), exist_ok=True)
                _copy(entry.path, target)
                self._start[path] = _print(os.lstat(target))
        except OSError as error:
            raise StorageFull(f"The files of the service cannot be copied: {error}.") from error

    def _empty(self) -> None:
        """Remove everything but the files the next call starts with."""
        kept = {
            path
            for path, entry in _files(self._path)
            if self._start.get(path) == _print(entry.stat(follow_symlinks=False))
        }
        if kept and self._remove_beside(kept):
            return
        _clear(self._fd)

    def _remove_beside(self, kept: set[str]) -> bool:
        """Remove all but *kept*; `False` if something else is still there."""
        for path, entry in list(_files(self._path)):
            if path not in kept:
                os.unlink(entry.path)
        wanted = {parent for path in kept for parent in _parents(path)}
        for folder, _, _ in os.walk(self._path, topdown=False):
            inside = os.path.relpath(folder, self._path)
            if inside not in wanted and inside != ".":
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        left = {os.path.relpath(folder, self._path) for folder, _, _ in os.walk(self._path)}
        return left <= wanted | {"."}


def _parents(path: str) -> Iterator[str]:
    while path := os.path.dirname(path):
        yield path


def prints(folder: str) -> dict[str, Print]:
    """Return what tells whether the files below *folder* change, by their path in it."""
    return {path: _print(entry.stat(follow_symlinks=False)) for path, entry in _files(folder)}


def _files(root: str) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """Yield every file below *root* that is no folder, with its path inside; follows no link."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(f"{root}/{inside}") as entries:
                for entry in entries:
                    path = f"{inside}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{path}/")
                    else:
                        yield path, entry
        except (FileNotFoundError, PermissionError, OSError):
            # Gone meanwhile, closed to us, or too deep to have a path: nothing to report.
            continue


def _print(state: os.stat_result) -> Print:
    return state.st_size, state.st_mtime_ns, state.st_ino


def _copy(source: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(target)
    with open(source, "rb") as old, open(target, "xb") as new:
        while block := old.read(_COPY):
            new.write(block)


def remove_tree(path: str) -> None:
    """Remove the folder at *path* with all that is in it, whatever its depth; follows no link.

    What cannot be removed stays.
    """
    with contextlib.suppress(OSError):
        fd = os.open(path, _FOLDER)
        try:
            _clear(fd)
        finally:
            os.close(fd)
        os.rmdir(path)


def _clear(fd: int) -> None:
    """Remove all that is in a folder.

    Folders are not descended into but taken apart: what lies in one is moved up.  So no depth
    of nesting can exceed a path's length or the stack.
    """
    moved = 0
    while names := os.listdir(fd):
        for name in names:
            if not _remove(name, fd):
                moved = _take_apart(name, fd, moved)


def _remove(name: str, fd: int) -> bool:
    """Remove *name* from a folder, unless it is a folder itself with something in it."""
    try:
        os.unlink(name, dir_fd=fd)
    except IsADirectoryError:
        try:
            os.rmdir(name, dir_fd=fd)
        except OSError:
            return False
    return True


def _take_apart(name: str, above: int, moved: int) -> int:
    with contextlib.suppress(OSError):
        os.chmod(name, 0o700, dir_fd=above)
    fd = os.open(name, _FOLDER, dir_fd=above)
    try:
        for one in os.listdir(fd):
            if not _remove(one, fd):
                moved += 1
                os.rename(one, f".{moved}.{os.getpid()}", src_dir_fd=fd, dst_dir_fd=above)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=above)
    return moved
