"""The folder of a session: two shelves of files, beside code we do not trust.

The interpreter of a session writes to the same folders, so nothing here follows a link, and
nothing is opened that is not a plain file.  Objects are bytes: nothing is unpickled.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from hermetic.errors import BodyTooLarge, Conflict, NotFound
from hermetic.registry.disk import (
    PIECE,
    create_file,
    full_disk_told,
    open_file,
    open_folder,
    plain_files,
    plain_names,
    receive,
    remove_tree,
)
from hermetic.serving.bundle import Shelf


class Workspace:
    """The folder *path* of one session."""

    def __init__(self, path: Path, *, most: int) -> None:
        self.path = path
        self._most = most  # bytes in both shelves together

    async def create(self) -> None:
        """Make the folder, with both shelves empty."""
        await asyncio.to_thread(self._create)

    async def remove(self) -> None:
        """Remove the folder and what it holds."""
        await asyncio.to_thread(remove_tree, self.path)

    async def names(self, shelf: Shelf) -> list[str]:
        """Return the names of the plain files directly on *shelf*, sorted."""
        return await asyncio.to_thread(plain_names, self.path, shelf)

    async def write(self, shelf: Shelf, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Put a file on *shelf*, in place of one of that name, once all of it has come.

        Raises:
            BodyTooLarge: The folder would hold more than it may.
            Conflict: There is a folder of that name.
            StorageFull: There is no room.
        """
        room = self._most - await asyncio.to_thread(self._used)
        part = self.path / f"incoming-{secrets.token_hex(8)}"
        try:
            with full_disk_told(), create_file(part) as target:
                await receive(pieces, target, most=max(0, room))
            await asyncio.to_thread(self._settle, part, shelf, name)
        finally:
            part.unlink(missing_ok=True)

    async def read(self, shelf: Shelf, name: str) -> BinaryIO:
        """Open a file on *shelf*, or raise `NotFound`; the caller closes it."""
        return await asyncio.to_thread(open_file, self.path, shelf, name)

    async def delete(self, shelf: Shelf, name: str) -> None:
        """Remove a file from *shelf*, or raise `NotFound`."""
        await asyncio.to_thread(self._delete, shelf, name)

    async def fill(self, tree: Path, shelf: Shelf) -> None:
        """Copy what lies on *shelf* in *tree*, over what is there under the same names.

        Raises:
            BodyTooLarge: The folder would hold more than it may.
            Conflict: A folder stands where a file has to go, or the other way round.
            StorageFull: There is no room.
        """
        await asyncio.to_thread(self._fill, tree, shelf)

    def _create(self) -> None:
        with full_disk_told():
            for folder in (self.path, *(self.path / shelf for shelf in Shelf)):
                folder.mkdir(mode=0o700)

    def _used(self) -> int:
        return sum(_size(self.path, parts) for shelf in Shelf for parts in self._on(shelf))

    def _on(self, shelf: Shelf) -> list[tuple[str, ...]]:
        return list(plain_files(self.path, shelf))

    def _settle(self, part: Path, *parts: str) -> None:
        with open_folder(self.path, *parts[:-1]) as folder:
            try:
                os.rename(part, parts[-1], dst_dir_fd=folder)
            except IsADirectoryError:
                raise Conflict(f"{parts[-1]!r} is a folder of the session.") from None

    def _delete(self, shelf: Shelf, name: str) -> None:
        with open_folder(self.path, shelf) as folder:
            try:
                os.unlink(name, dir_fd=folder)
            except (OSError, ValueError) as error:
                raise NotFound(f"There is no file {name!r}.") from error

    def _fill(self, tree: Path, shelf: Shelf) -> None:
        found = list(plain_files(tree, shelf))
        if self._used() + sum(_size(tree, parts) for parts in found) > self._most:
            raise BodyTooLarge(f"The session would hold more than {self._most} bytes.")
        part = self.path / f"incoming-{secrets.token_hex(8)}"
        for parts in found:
            self._make_folders(parts[:-1])
            try:
                with full_disk_told(), open_file(tree, *parts) as source:
                    with create_file(part) as target:
                        shutil.copyfileobj(source, target, PIECE)
                    self._settle(part, *parts)
            finally:
                part.unlink(missing_ok=True)

    def _make_folders(self, parts: tuple[str, ...]) -> None:
        for length in range(1, len(parts)):
            with open_folder(self.path, *parts[:length]) as folder, full_disk_told():
                try:
                    os.mkdir(parts[length], mode=0o700, dir_fd=folder)
                except FileExistsError:
                    self._refuse_other(parts[: length + 1])

    def _refuse_other(self, parts: tuple[str, ...]) -> None:
        try:
            with open_folder(self.path, *parts):
                pass
        except NotFound:
            raise Conflict(f"{'/'.join(parts)!r} stands where a folder has to go.") from None


def clear(folder: Path) -> None:
    """Make *folder*, or empty it of the workspaces an earlier run left; what resists stays."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for leftover in folder.iterdir():
        with suppress(OSError):
            remove_tree(leftover)


def _size(path: Path, parts: tuple[str, ...]) -> int:
    try:
        with open_file(path, *parts) as file:
            return os.fstat(file.fileno()).st_size
    except NotFound:
        return 0
