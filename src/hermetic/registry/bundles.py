"""Where bundles are kept, and bundles on the disk: archives by digest, and trees of them.

An archive is written under another name, put onto the disk and only then renamed to its
digest: what has a digest for a name is whole.  Nothing here knows who refers to a bundle;
`sweep` is told.  A bundle stays for a while after anybody touched it, so that one between its
upload and its publication, or behind the last calls of a retired service, is not taken away.
"""

import asyncio
import errno
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from hermetic.clock import Clock
from hermetic.errors import BundleRejected, NotFound
from hermetic.log import logger
from hermetic.registry.archives import inspect, unpack
from hermetic.registry.disk import (
    PIECE,
    Received,
    create_file,
    full_disk_told,
    keep_names,
    receive,
    remove_tree,
)
from hermetic.serving.bundle import Bounds

log = logger(__name__)

GRACE = timedelta(hours=1)  # longer than any call, and than a person takes from upload to publish

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_PART = ".incoming-"


@dataclass(frozen=True)
class Bundle:
    """An archive that is kept: its digest (SHA-256), length in bytes and number of files."""

    digest: str
    size: int
    members: int


class Bundles(Protocol):
    """Keeps bundles.  What was acknowledged MUST survive the end of the process."""

    async def start(self) -> None:
        """Get ready; MUST be awaited before anything else."""

    async def add(self, pieces: AsyncIterator[bytes], *, unpacks: bool = True) -> Bundle:
        """Keep the archive that *pieces* make up.  Adding it again only touches it.

        Args:
            unpacks: Whether to unpack it once, to be sure and ahead of its first use; otherwise
                only its table of contents is looked at.

        Raises:
            BundleRejected: It is no bundle.
            BodyTooLarge: It is larger than `Bounds.archive`.
            StorageFull: There is no room.
        """

    async def folder(self, digest: str) -> Path:
        """Return the tree unpacked from a bundle, unpacking it if it is not there.

        Raises:
            NotFound: There is no such bundle.
            BundleRejected: The archive that is kept is no longer what its name says.
            StorageFull: There is no room to unpack it.
        """

    async def touch(self, digest: str) -> None:
        """Keep a bundle from being swept for `GRACE`, or raise `NotFound`."""

    async def path(self, digest: str) -> Path:
        """Return where the archive *digest* lies, or raise `NotFound`.

        To be opened at once: what nobody refers to any more may be swept.
        """

    async def sweep(self, *, kept: Collection[str], served: Collection[str]) -> None:
        """Remove archives not in *kept* and trees not in *served*, unless touched lately.

        Args:
            kept: Digests that services or snapshots refer to.
            served: Digests that services refer to.
        """


class BundleArchive:
    """Keeps bundles in one folder, and what they unpack to in another."""

    def __init__(
        self, archives: Path, trees: Path, *, clock: Clock, bounds: Bounds | None = None
    ) -> None:
        self._archives = archives
        self._trees = trees
        self._clock = clock
        self._bounds = bounds or Bounds()
        # Held between looking at an age and acting on it.
        self._ageing = asyncio.Lock()

    async def start(self) -> None:
        """Make the folders, and remove what an interrupted run left half-made."""
        await asyncio.to_thread(self._start)

    async def add(self, pieces: AsyncIterator[bytes], *, unpacks: bool = True) -> Bundle:
        """Keep the archive that *pieces* make up."""
        part = self._part(self._archives)
        try:
            received = await self._receive(pieces, part)
            return await asyncio.to_thread(self._accept, part, received.digest, unpacks=unpacks)
        finally:
            part.unlink(missing_ok=True)

    async def restore(self, digest: str, pieces: AsyncIterator[bytes]) -> None:
        """Keep the archive *digest*, which was accepted elsewhere and comes from there.

        Raises:
            BundleRejected: What came is another one.
            StorageFull: There is no room.
        """
        part = self._part(self._archives)
        try:
            received = await self._receive(pieces, part)
            if received.digest != digest:
                raise BundleRejected(
                    f"The bundle {digest} came damaged from where it is kept: publish the service"
                    " again."
                )
            await asyncio.to_thread(self._accept, part, digest, unpacks=False)
        finally:
            part.unlink(missing_ok=True)

    async def discard(self, digest: str) -> None:
        """Forget the archive *digest*, which is kept elsewhere; what it was unpacked to stays."""
        await asyncio.to_thread((self._archives / digest).unlink, missing_ok=True)

    async def folder(self, digest: str) -> Path:
        """Return the tree unpacked from a bundle, unpacking it if it is not there."""
        await self.touch(digest)
        return await asyncio.to_thread(self._tree, digest)

    async def touch(self, digest: str) -> None:
        """Keep a bundle from being swept for a while, or raise `NotFound`."""
        async with self._ageing:
            await asyncio.to_thread(self._touch, digest)

    async def path(self, digest: str) -> Path:
        """Return where the archive *digest* lies, or raise `NotFound`."""
        return self._path(digest)

    async def sweep(self, *, kept: Collection[str], served: Collection[str]) -> None:
        """Remove archives not in *kept* and trees not in *served*, unless touched lately."""
        for folder, wanted in ((self._archives, kept), (self._trees, served)):
            for name in await asyncio.to_thread(os.listdir, folder):
                if _DIGEST.match(name) and name not in wanted:
                    await self._sweep_one(folder / name)

    async def _sweep_one(self, path: Path) -> None:
        async with self._ageing:
            doomed = await asyncio.to_thread(self._set_aside, path)
        if doomed is not None:
            await asyncio.to_thread(remove_tree, doomed)
            log.info("bundle.swept", digest=path.name, folder=path.parent.name)

    def _start(self) -> None:
        for folder in (self._archives, self._trees):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for leftover in folder.glob(f"{_PART}*"):
                remove_tree(leftover)

    async def _receive(self, pieces: AsyncIterator[bytes], part: Path) -> Received:
        with full_disk_told(), create_file(part) as target:
            return await receive(pieces, target, most=self._bounds.archive)

    def _path(self, digest: str) -> Path:
        check_digest(digest)
        path = self._archives / digest
        if not path.is_file():
            raise unknown_bundle(digest)
        return path

    def _part(self, folder: Path) -> Path:
        return folder / f"{_PART}{secrets.token_hex(8)}"

    def _accept(self, part: Path, digest: str, *, unpacks: bool) -> Bundle:
        with part.open("rb") as archive:
            members = inspect(archive, self._bounds)
        size = part.stat().st_size
        if unpacks:
            self._unpack(part, digest)
        part.chmod(0o400)
        self._age(part)
        with full_disk_told():
            part.replace(self._archives / digest)
            keep_names(self._archives)
        return Bundle(digest, size, members)

    def _tree(self, digest: str) -> Path:
        tree = self._trees / digest
        if not tree.is_dir():
            path = self._path(digest)
            if _digest(path) != digest:
                raise BundleRejected(
                    f"The bundle {digest} is damaged on the disk: publish the service again."
                )
            self._unpack(path, digest)
        return tree

    def _unpack(self, path: Path, digest: str) -> None:
        tree, part = self._trees / digest, self._part(self._trees)
        if tree.is_dir():
            return
        try:
            with path.open("rb") as archive:
                unpack(archive, part, self._bounds)
            self._age(part)
            with full_disk_told():
                _put_beside(part, tree)
                keep_names(self._trees)
        finally:
            if part.exists():
                remove_tree(part)

    def _touch(self, digest: str) -> None:
        self._age(self._path(digest))
        with suppress(FileNotFoundError):
            self._age(self._trees / digest)

    def _age(self, path: Path) -> None:
        now = self._clock().timestamp()
        os.utime(path, (now, now))

    def _set_aside(self, path: Path) -> Path | None:
        """Rename *path*, if it was not touched lately, so that nobody finds it any more."""
        try:
            age = self._clock().timestamp() - path.stat().st_mtime
        except FileNotFoundError:
            return None
        if age < GRACE.total_seconds():
            return None
        return path.rename(self._part(path.parent))


def check_digest(digest: str) -> None:
    """Raise `NotFound` unless *digest* could be one."""
    if not _DIGEST.match(digest):
        raise unknown_bundle(digest)


def unknown_bundle(digest: str) -> NotFound:
    """Return the error of a bundle that is not there."""
    return NotFound(f"There is no bundle {digest[:80]!r}: upload it first.")


def _put_beside(part: Path, tree: Path) -> None:
    try:
        part.rename(tree)
    except OSError as error:
        # Another was faster; a folder is not replaced by one, and theirs is equal.
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
