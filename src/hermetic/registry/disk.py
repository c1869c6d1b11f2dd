"""Files that others may meddle with, read and written safely.

Folders of sessions belong to code we do not trust: between two system calls a file there may
turn into a link to our keys.  So every path is walked folder by folder, never through a link,
and what was opened is looked at, not what a name said before.
"""

import asyncio
import errno
import hashlib
import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hermetic.errors import BodyTooLarge, NotFound, StorageFull

PIECE = 1024 * 1024  # bytes to a thread at once: less is mostly switching, more is only memory

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


def plain_files(path: Path, *parts: str) -> Iterator[tuple[str, ...]]:
    """Return the path beneath *path* of each plain file in the folder *parts*, sorted.

    Links, pipes and devices are left out.
    """
    with open_folder(path, *parts) as folder, os.scandir(folder) as entries:
        found = sorted(
            (entry.name, entry.is_dir(follow_symlinks=False))
            for entry in entries
            if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False)
        )
    for name, is_folder in found:
        if is_folder:
            # It may be gone, or another thing, by now; then there is nothing to return.
            with suppress(NotFound):
                yield from plain_files(path, *parts, name)
        else:
            yield (*parts, name)


def remove_tree(path: Path) -> None:
    """Remove the folder *path* and all beneath it, also where folders may not be changed."""
    with suppress(NotFound), open_folder(path.parent) as parent:
        _unlock(parent, path.name)
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        # A link or a file where a folder should be, or a disk that fails: the latter must show.
        path.unlink()


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


async def pieces_of(file: BinaryIO, size: int | None = None) -> AsyncIterator[bytes]:
    """Yield what *file* holds, piece by piece, and close it.

    With a *size*, no more than that: a file may grow while it is read, and an answer that has
    announced its length cannot.
    """
    left = size
    try:
        while piece := await asyncio.to_thread(
            file.read, PIECE if left is None else min(PIECE, left)
        ):
            yield piece
            left = None if left is None else left - len(piece)
    finally:
        file.close()


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


def _unlock(parent: int, name: str) -> None:
    """Give us all rights to the folder *name* and those beneath it."""
    try:
        # O_PATH needs no rights to the folder itself, and what it opened cannot be exchanged.
        descriptor = os.open(name, os.O_PATH | _FOLDER, dir_fd=parent)
    except OSError:
        return
    try:
        Path(f"/proc/self/fd/{descriptor}").chmod(0o700)
        with os.scandir(f"/proc/self/fd/{descriptor}") as entries:
            inner = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for one in inner:
            _unlock(descriptor, one)
    finally:
        os.close(descriptor)
