"""Snapshots, in the database: bundles that belong to somebody."""

from hermetic.database.database import Database, Row, Transaction
from hermetic.errors import NotFound
from hermetic.registry.moments import from_text, to_text
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Snapshot


class SnapshotRegistry:
    """The snapshots of this installation; each is seen by its owner alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, snapshot: Snapshot) -> None:
        """Keep a new snapshot."""
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
            transaction.change(
                "INSERT INTO snapshots"
                " (id, name, owner, created_at, runtime, bundle, size, members)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

        await self._database.write(change)

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
