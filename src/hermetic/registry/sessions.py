"""Open sessions, in the database: whose they are, and which node keeps them.

The row is the truth of which sessions there are; what a session holds only its node knows.
"""

from hermetic.database.database import Database, Row, Transaction
from hermetic.errors import Busy, NotFound
from hermetic.registry.moments import from_text, to_text
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session

MOST = 20
"""Sessions of one owner at one time."""


class SessionRegistry:
    """The sessions of this installation; each is found by its owner alone."""

    def __init__(self, database: Database, *, most: int = MOST) -> None:
        self._database, self._most = database, most

    async def add(self, session: Session) -> None:
        """Keep a new session, or raise `Busy` if its owner has as many as they may."""

        def change(transaction: Transaction) -> None:
            self._refuse_more(transaction, session.owner)
            transaction.change(
                "INSERT INTO sessions (id, name, owner, runtime, created_at, node)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    session.id,
                    session.name,
                    session.owner,
                    session.runtime,
                    to_text(session.created_at),
                    session.node,
                ),
            )

        await self._database.write(change)

    async def own(self, owner: str) -> list[Session]:
        """Return the sessions of *owner*, oldest first."""
        rows = await self._database.read(
            "SELECT * FROM sessions WHERE owner = ? ORDER BY created_at, id", (owner,)
        )
        return [_session(row) for row in rows]

    async def find(self, owner: str, session_id: str) -> Session:
        """Return a session of *owner*, or raise `NotFound`."""
        rows = await self._database.read(
            "SELECT * FROM sessions WHERE id = ? AND owner = ?", (session_id, owner)
        )
        if not rows:
            raise NotFound(f"You have no session {session_id[:80]!r}: open one first.")
        return _session(rows[0])

    async def remove(self, session_id: str) -> bool:
        """Forget a session, and return whether there was one."""
        removed = await self._database.write(
            lambda transaction: transaction.change(
                "DELETE FROM sessions WHERE id = ?", (session_id,)
            )
        )
        return removed > 0

    async def all(self) -> list[Session]:
        """Return every open session, oldest first."""
        rows = await self._database.read("SELECT * FROM sessions ORDER BY created_at, id")
        return [_session(row) for row in rows]

    def _refuse_more(self, transaction: Transaction, owner: str) -> None:
        (row,) = transaction.rows(
            "SELECT count(*) AS number FROM sessions WHERE owner = ?", (owner,)
        )
        if row["number"] >= self._most:
            raise Busy(f"You have {row['number']} sessions, which is all you may: close one first.")


def _session(row: Row) -> Session:
    return Session(
        row["id"],
        row["name"],
        row["owner"],
        RuntimeKind(row["runtime"]),
        from_text(row["created_at"]),
        row["node"],
    )
