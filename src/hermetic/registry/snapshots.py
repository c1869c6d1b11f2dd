"""Snapshots, in the database: bundles that belong to somebody."""

from hermetic.database.database import Database, Row, Transaction
from hermetic.errors import Conflict, NotFound
from hermetic.registry.moments import from_text, to_text
from hermetic.serving.bundle import MEBIBYTE
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Snapshot

MOST = 1000
"""Snapshots of one owner; the retired client deletes its own once a service is published."""
HELD = 64 * 1024 * MEBIBYTE
"""Bytes of all snapshots of one owner, counted as if no two shared a bundle."""


class SnapshotRegistry:
    """The snapshots of this installation; each is seen by its owner alone."""

    def __init__(self, database: Database, *, most: int = MOST, held: int = HELD) -> None:
        self._database = database
        self._most, self._held = most, held

    async def add(self, snapshot: Snapshot) -> None:
        """Keep a new snapshot, or raise `Conflict` if its owner has all that they may have."""
        values = (
            snapshot.id,
            snapshot.name,
            snapshot.owner,
            to_text(snapshot.created_at),
            snapshot.runtime,
            snapshot.bundle,
            snapshot.size,
            snapshot.members,
        )

        def change(transaction: Transaction) -> None:
            self._refuse_more(transaction, snapshot)
            transaction.change(
                "INSERT INTO snapshots"
                " (id, name, owner, created_at, runtime, bundle, size, members)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

        await self._database.write(change)

    def _refuse_more(self, transaction: Transaction, snapshot: Snapshot) -> None:
        (row,) = transaction.rows(
            # The cast, since a sum is no longer an integer everywhere.
            "SELECT COUNT(*) AS number, CAST(COALESCE(SUM(size), 0) AS INTEGER) AS held"
            " FROM snapshots WHERE owner = ?",
            (snapshot.owner,),
        )
        if row["number"] >= self._most or row["held"] + snapshot.size > self._held:
            raise Conflict(
                f"You have {row['number']} snapshots of {row['held']} bytes, and may have"
                f" {self._most} of {self._held}: delete some first."
            )

    async def own(self, owner: str) -> list[Snapshot]:
        """Return the snapshots of *owner*, oldest first."""
        rows = await self._database.read(
            "SELECT * FROM snapshots WHERE owner = ? ORDER BY created_at, id", (owner,)
        )
        return [_snapshot(row) for row in rows]

    async def find(self, owner: str, snapshot_id: str) -> Snapshot:
        """Return a snapshot of *owner*, or raise `NotFound`."""
        rows = await self._database.read(
            "SELECT * FROM snapshots WHERE id = ? AND owner = ?", (snapshot_id, owner)
        )
        if not rows:
            raise _unknown(snapshot_id)
        return _snapshot(rows[0])

    async def remove(self, owner: str, snapshot_id: str) -> None:
        """Forget a snapshot of *owner*, or raise `NotFound`."""
        removed = await self._database.write(
            lambda transaction: transaction.change(
                "DELETE FROM snapshots WHERE id = ? AND owner = ?", (snapshot_id, owner)
            )
        )
        if not removed:
            raise _unknown(snapshot_id)

    async def bundles(self) -> set[str]:
        """Return the digest of every bundle a snapshot refers to."""
        rows = await self._database.read("SELECT DISTINCT bundle FROM snapshots")
        return {row["bundle"] for row in rows}


def _unknown(snapshot_id: str) -> NotFound:
    return NotFound(f"You have no snapshot {snapshot_id[:80]!r}.")


def _snapshot(row: Row) -> Snapshot:
    return Snapshot(
        row["id"],
        row["name"],
        row["owner"],
        from_text(row["created_at"]),
        RuntimeKind(row["runtime"]),
        row["bundle"],
        row["size"],
        row["members"],
    )
