"""Files that others may meddle with, read and written safely.

Folders of sessions belong to code we do not trust: between two system calls a file there may
turn into a link to our keys.  So every path is walked folder by folder, never through a link,
and what was opened is looked at, not what a name said before.
"""

import asyncio
import errno
import hashlib
import os
import secrets
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hermetic.errors import BadInput, BodyTooLarge, NotFound, StorageFull

PIECE = 1024 * 1024  # bytes to a thread at once: less is mostly switching, more is only memory

DEPTH = 32  # folders in folders; the same as a bundle may have

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class Received:
    """What came in: its length in bytes and the SHA-256 digest of it."""

    size: int
    digest: str


@contextmanager
def full_disk_told() -> Iterator[None]:
    """Raise `StorageFull` for whatever the system says when there is no room."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(
                f"There is no room on the disk ({error.strerror}); nothing was changed."
                " Free some space, then try again."
            ) from error
        raise


def keep_names(folder: Path) -> None:
    """Write *folder* itself to the disk: the names in it are not part of the files."""
    with open_folder(folder) as descriptor:
        os.fsync(descriptor)


@contextmanager
def open_folder(path: Path, *parts: str) -> Iterator[int]:
    """Open the folder *parts* beneath *path*, none of which may be a link.

    Raises:
        NotFound: There is no such folder.
    """
    descriptor = _descend(path, parts)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def create_file(path: Path, *, mode: int = 0o600) -> BinaryIO:
    """Make the file *path*, which must not exist, with no rights beyond *mode* at any instant."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, mode), "r+b")


def open_file(path: Path, *parts: str) -> BinaryIO:
    """Open the plain file *parts* beneath *path* for reading.

    Raises:
        NotFound: There is none, or it is a link, a pipe, or has a second name elsewhere.
    """
    with open_folder(path, *parts[:-1]) as folder:
        try:
            # Without O_NONBLOCK a pipe would hold us until somebody writes to it.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            file = os.fdopen(os.open(parts[-1], flags, dir_fd=folder), "rb")
        except (OSError, ValueError) as error:
            raise NotFound(f"There is no file {parts[-1]!r}.") from error
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        file.close()
        raise NotFound(f"{parts[-1]!r} is no plain file.")
    return file


def plain_names(path: Path, *parts: str) -> list[str]:
    """Return the names of the plain files directly in the folder *parts* beneath *path*, sorted."""
    return [name for name, is_folder in _entries(path, parts) if not is_folder]


def plain_files(path: Path, *parts: str) -> Iterator[tuple[str, ...]]:
    """Return the path beneath *path* of each plain file in the folder *parts*, sorted.

    Links, pipes and devices are left out.

    Raises:
        BadInput: Folders lie in folders more than `DEPTH` deep.
    """
    if len(parts) > DEPTH:
        raise BadInput(f"{'/'.join(parts)[:80]!r}… lies too deep: {DEPTH} folders are enough.")
    for name, is_folder in _entries(path, parts):
        if is_folder:
            # It may be gone, or another thing, by now; then there is nothing to return.
            with suppress(NotFound):
                yield from plain_files(path, *parts, name)
        else:
            yield (*parts, name)


def remove_tree(path: Path) -> None:
    """Remove the folder *path* and all beneath it; nothing happens if it is not there.

    What lies deep is moved up before it is removed: code that is out to harm us makes folders
    in folders by the hundred thousand, and nothing that calls itself survives that.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    with open_folder(path.parent) as parent:
        _unlock(parent, path.name)
    with open_folder(path) as root:
        while names := _names(root):
            for name in names:
                if not _unlinked(root, name):
                    _lift_content(root, name)
                    os.rmdir(name, dir_fd=root)
    path.rmdir()


async def receive(pieces: AsyncIterator[bytes], target: BinaryIO, *, most: int) -> Received:
    """Write what comes to *target*, and onto the disk, without ever holding more than a piece.

    Raises:
        BodyTooLarge: More than *most* bytes came.
        StorageFull: There is no room.
    """
    digest, size, waiting = hashlib.sha256(), 0, bytearray()

    def put(data: bytes, *, last: bool) -> None:
        with full_disk_told():
            digest.update(data)
            target.write(data)
            if last:
                target.flush()
                os.fsync(target.fileno())

    async for piece in pieces:
        size += len(piece)
        if size > most:
            raise BodyTooLarge(f"It is larger than the {most} bytes that are accepted.")
        waiting += piece
        if len(waiting) >= PIECE:
            await asyncio.to_thread(put, bytes(waiting), last=False)
            waiting.clear()
    await asyncio.to_thread(put, bytes(waiting), last=True)
    return Received(size, digest.hexdigest())


def _descend(path: Path, parts: Sequence[str]) -> int:
    try:
        descriptor = os.open(path, _FOLDER)
        for part in parts:
            try:
                inner = os.open(part, _FOLDER, dir_fd=descriptor)
            finally:
                os.close(descriptor)
            descriptor = inner
    except (OSError, ValueError) as error:
        raise NotFound(f"There is no folder {'/'.join(parts) or path.name!r}.") from error
    return descriptor


def _entries(path: Path, parts: Sequence[str]) -> list[tuple[str, bool]]:
    """Return the name of each file and folder in a folder, and whether it is a folder, sorted."""
    with open_folder(path, *parts) as folder, os.scandir(folder) as entries:
        return sorted(
            (entry.name, entry.is_dir(follow_symlinks=False))
            for entry in entries
            if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
        )


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _unlinked(folder: int, name: str) -> bool:
    """Remove *name* unless it is a folder, and return whether it was removed."""
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        return False
    return True


def _lift_content(root: int, name: str) -> None:
    """Empty the folder *name*: its files are removed, its folders moved up into *root*."""
    _unlock(root, name)
    folder = os.open(name, _FOLDER, dir_fd=root)
    try:
        for inner in _names(folder):
            if not _unlinked(folder, inner):
                # A folder that may not be written to cannot be moved either.
                _unlock(folder, inner)
                os.rename(inner, secrets.token_hex(16), src_dir_fd=folder, dst_dir_fd=root)
    finally:
        os.close(folder)


def _unlock(parent: int, name: str) -> None:
    """Give us all rights to the folder *name*."""
    # O_PATH needs no rights to the folder itself, and what it opened cannot be exchanged.
    descriptor = os.open(name, os.O_PATH | _FOLDER, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{descriptor}").chmod(0o700)
    finally:
        os.close(descriptor)
