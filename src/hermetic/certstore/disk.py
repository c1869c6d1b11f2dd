"""The few ways in which a store touches the disk, one method each.

They are gathered here so that a test can make each of them fail, or the process die in it.
Whatever is made is private from its first instant: the mode goes to the call that makes it, so
that there is nothing to narrow afterwards, and the umask can only take away more.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Protocol

from hermetic.errors import BadConfiguration, HermeticError, StorageFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class Disk(Protocol):
    """What a store asks of the disk; every method MAY raise `OSError`."""

    def make_folder(self, path: Path) -> None:
        """Make the folder *path*, for its owner only."""
        ...

    def create(self, path: Path, data: bytes) -> None:
        """Make the file *path*, for its owner only, and write *data*; it MUST not exist yet."""
        ...

    def sync(self, path: Path) -> None:
        """Wait until the file's content, or the folder's list of names, would survive a crash."""
        ...

    def link(self, path: Path, target: str) -> None:
        """Make the symbolic link *path*, which leads to *target*; it MUST not exist yet."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Give *source* the name *target* in one step, in place of what has it now."""
        ...

    def remove(self, path: Path) -> None:
        """Remove the file, the link or the empty folder *path*."""
        ...

    def read(self, path: Path) -> bytes:
        """Return what is in the file *path*, which MUST not be a link."""
        ...


class SystemDisk:
    """The disk itself."""

    def make_folder(self, path: Path) -> None:
        """Make the folder *path*, 0700."""
        path.mkdir(mode=0o700)

    def create(self, path: Path, data: bytes) -> None:
        """Make the file *path*, 0600, and write *data*."""
        # O_EXCL follows no link and takes over no file that somebody opened before us
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)

    def sync(self, path: Path) -> None:
        """Wait for the disk to have what is known of *path*."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def link(self, path: Path, target: str) -> None:
        """Make the symbolic link *path* to *target*."""
        path.symlink_to(target)

    def rename(self, source: Path, target: Path) -> None:
        """Rename *source* to *target*."""
        source.rename(target)

    def remove(self, path: Path) -> None:
        """Remove *path*, and never what a link leads to."""
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()

    def read(self, path: Path) -> bytes:
        """Return the content of the file *path*."""
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read()


SYSTEM_DISK = SystemDisk()
"""The one every store uses outside tests."""


class UnchangedDisk(SystemDisk):
    """The disk for who only looks: whatever would change something there is refused."""

    def make_folder(self, path: Path) -> None:
        """Refuse to make the folder *path*."""
        raise _unchanged(path)

    def create(self, path: Path, data: bytes) -> None:
        """Refuse to make the file *path*."""
        raise _unchanged(path)

    def link(self, path: Path, target: str) -> None:
        """Refuse to make the link *path*."""
        raise _unchanged(path)

    def rename(self, source: Path, target: Path) -> None:
        """Refuse to rename *source*."""
        raise _unchanged(source)

    def remove(self, path: Path) -> None:
        """Refuse to remove *path*."""
        raise _unchanged(path)


def _unchanged(path: Path) -> OSError:
    return OSError(errno.EROFS, "it is only looked at", str(path))


@contextmanager
def refusals_about(path: Path) -> Iterator[None]:
    """Say in our own words what the system refuses below *path*.

    Raises:
        StorageFull: There is no room left, or no quota.
        BadConfiguration: This user may not; the text holds the command that mends it.
        HermeticError: Anything else, a failing disk for example.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                f"The disk that holds {path} is full, and nothing was changed: free some space,"
                " it is tried again."
            ) from error
        at = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str) else path
        if error.errno in _FORBIDDEN:
            raise forbidden(at, error.strerror or "not permitted") from error
        raise HermeticError(f"{at} could not be used: {error.strerror}.") from error


def forbidden(path: Path, why: str) -> BadConfiguration:
    """Return the error for a *path* this user may not use, with the command that mends it."""
    try:
        found = path.lstat()
    except OSError:
        # the folder above keeps even its owner's name from us
        return BadConfiguration(
            f"{path} is out of reach of this user ({why}):"
            f" run `sudo chown -R {os.geteuid()} {quote(str(path.parent))}`."
        )
    if found.st_uid != os.geteuid():
        command = f"sudo chown -R {os.geteuid()} {quote(str(path))}"
    else:
        command = f"chmod -R u+rwX,go= {quote(str(path))}"
    return BadConfiguration(f"{path} cannot be used by this user ({why}): run `{command}`.")
