"""Bundles that several nodes share: the database has them all, each node a copy of what it needs.

An archive goes into the database in pieces, each a transaction of its own, since one of its whole
length would hold up every other change.  Its row comes last: a bundle is there whole, or not at
all.  What a node leaves behind that is killed on the way is swept as pieces without a row.

Moments are those of the node that writes them; clocks may differ by less than `GRACE`.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from weakref import WeakValueDictionary

from hermetic.clock import Clock
from hermetic.database.database import Database, Row, Transaction
from hermetic.errors import BundleRejected, NotFound, Unavailable
from hermetic.log import logger
from hermetic.registry.bundles import GRACE, Bundle, BundleArchive, check_digest, unknown_bundle
from hermetic.registry.disk import PIECE
from hermetic.registry.moments import to_text

log = logger(__name__)

TRIES = 3  # to put a bundle in, should somebody sweep its pieces meanwhile

_SWEPT_AT_ONCE = 16  # pieces, of a mebibyte each, in one transaction

_WITHOUT_ROW = (
    "NOT EXISTS (SELECT 1 FROM bundle_archives WHERE bundle_archives.digest = bundle_pieces.digest)"
)


class SharedBundles:
    """Keeps bundles in the database, and copies of some in *local*."""

    def __init__(self, local: BundleArchive, database: Database, clock: Clock) -> None:
        self._local = local
        self._database = database
        self._clock = clock
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def start(self) -> None:
        """Make the folders of the copies, and remove what an interrupted run left half-made."""
        await self._local.start()

    async def add(self, pieces: AsyncIterator[bytes], *, unpacks: bool = True) -> Bundle:
        """Keep the archive that *pieces* make up."""
        return await self._put(await self._local.add(pieces, unpacks=unpacks))

    async def folder(self, digest: str) -> Path:
        """Return the tree unpacked from a bundle, fetching and unpacking it if it is not there."""
        await self.touch(digest)
        await self.path(digest)
        try:
            return await self._local.folder(digest)
        except BundleRejected:
            # Damaged here is not damaged there.
            log.warning("bundle.fetched-again", digest=digest)
            await self._local.discard(digest)
        await self.path(digest)
        return await self._local.folder(digest)

    async def touch(self, digest: str) -> None:
        """Keep a bundle from being swept for a while, or raise `NotFound`."""
        check_digest(digest)
        if not await self._database.write(lambda transaction: self._touch(transaction, digest)):
            raise unknown_bundle(digest)
        with suppress(NotFound):
            await self._local.touch(digest)

    async def path(self, digest: str) -> Path:
        """Return where a copy of the archive *digest* lies, fetching it if there is none."""
        async with self._fetching.setdefault(digest, asyncio.Lock()):
            try:
                return await self._local.path(digest)
            except NotFound:
                await self._fetch(digest)
        return await self._local.path(digest)

    async def sweep(self, *, kept: Collection[str], served: Collection[str]) -> None:
        """Remove what nobody refers to and nobody touched lately, here and in the database.

        A bundle leaves the database only if no service or snapshot refers to it at that moment,
        whatever *kept* says: another node may have published it since.
        """
        await self._local.sweep(kept=kept, served=served)
        before = to_text(self._clock() - GRACE)
        for row in await self._database.read(
            "SELECT digest FROM bundle_archives WHERE touched_at <= ?", (before,)
        ):
            if row["digest"] not in kept:
                await self._sweep_one(row["digest"], before)
        while rows := await self._database.read(
            f"SELECT digest, number FROM bundle_pieces WHERE stored_at <= ? AND {_WITHOUT_ROW}"  # noqa: S608 - a clause of ours
            " LIMIT ?",
            (before, _SWEPT_AT_ONCE),
        ):
            await self._sweep_pieces(rows, before)

    async def _put(self, bundle: Bundle) -> Bundle:
        for _ in range(TRIES):
            if await self._database.write(lambda it: self._touch(it, bundle.digest)):
                return bundle
            number = await self._put_pieces(bundle.digest)
            if await self._put_row(bundle, number):
                log.info("bundle.shared", digest=bundle.digest, size=bundle.size)
                return bundle
        raise Unavailable(
            f"The bundle {bundle.digest} was swept while it was being kept: see that the clocks of"
            " all nodes agree, then try again."
        )

    async def _put_pieces(self, digest: str) -> int:
        """Put the pieces of a local copy into the database and return how many they are."""
        number = 0
        with (await self._local.path(digest)).open("rb") as file:
            while data := await asyncio.to_thread(file.read, PIECE):
                await self._put_piece(digest, number, data)
                number += 1
        return number

    async def _put_piece(self, digest: str, number: int, data: bytes) -> None:
        values = (digest, number, to_text(self._clock()), data)
        await self._database.write(
            lambda transaction: transaction.change(
                "INSERT INTO bundle_pieces (digest, number, stored_at, data) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (digest, number) DO UPDATE SET stored_at = excluded.stored_at",
                values,
            )
        )

    async def _put_row(self, bundle: Bundle, number: int) -> bool:
        """Let the bundle be there, if its pieces are, and return whether it is."""

        def change(transaction: Transaction) -> bool:
            (row,) = transaction.rows(
                "SELECT COUNT(*) AS number FROM bundle_pieces WHERE digest = ?", (bundle.digest,)
            )
            if row["number"] != number:
                return False
            now = to_text(self._clock())
            transaction.change(
                "INSERT INTO bundle_archives (digest, size, members, touched_at)"
                " VALUES (?, ?, ?, ?)"
                " ON CONFLICT (digest) DO UPDATE SET touched_at = excluded.touched_at",
                (bundle.digest, bundle.size, bundle.members, now),
            )
            return True

        return await self._database.write(change)

    def _touch(self, transaction: Transaction, digest: str) -> bool:
        now = to_text(self._clock())
        return bool(
            transaction.change(
                "UPDATE bundle_archives SET touched_at = ? WHERE digest = ?", (now, digest)
            )
        )

    async def _fetch(self, digest: str) -> None:
        check_digest(digest)
        rows = await self._database.read(
            "SELECT size FROM bundle_archives WHERE digest = ?", (digest,)
        )
        if not rows:
            raise unknown_bundle(digest)
        await self._local.restore(digest, self._pieces(digest, rows[0]["size"]))
        log.info("bundle.fetched", digest=digest, size=rows[0]["size"])

    async def _pieces(self, digest: str, size: int) -> AsyncIterator[bytes]:
        number = received = 0
        while received < size:
            rows = await self._database.read(
                "SELECT data FROM bundle_pieces WHERE digest = ? AND number = ?", (digest, number)
            )
            if not rows:
                raise unknown_bundle(digest)
            data: bytes = rows[0]["data"]
            yield data
            number, received = number + 1, received + len(data)

    async def _sweep_one(self, digest: str, before: str) -> None:
        removed = await self._database.write(
            lambda transaction: transaction.change(
                "DELETE FROM bundle_archives WHERE digest = ? AND touched_at <= ?"
                " AND NOT EXISTS (SELECT 1 FROM services WHERE services.bundle = ?)"
                " AND NOT EXISTS (SELECT 1 FROM snapshots WHERE snapshots.bundle = ?)"
                " AND NOT EXISTS (SELECT 1 FROM artifacts WHERE artifacts.bundle = ?)"
                " AND NOT EXISTS (SELECT 1 FROM deployed_bundles WHERE deployed_bundles.bundle = ?)",
                (digest, before, digest, digest, digest, digest),
            )
        )
        if removed:
            log.info("bundle.swept", digest=digest, folder="database")

    async def _sweep_pieces(self, rows: Sequence[Row], before: str) -> None:
        """Remove pieces without a row, unless somebody is putting their bundle in again."""

        def change(transaction: Transaction) -> None:
            for row in rows:
                transaction.change(
                    "DELETE FROM bundle_pieces WHERE digest = ? AND number = ?"  # noqa: S608 - a clause of ours
                    f" AND stored_at <= ? AND {_WITHOUT_ROW}",
                    (row["digest"], row["number"], before),
                )

        await self._database.write(change)
