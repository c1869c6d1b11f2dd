"""Open sessions, in the database."""

from hermetic.database.database import Database, Row, Transaction
from hermetic.registry.moments import from_text, to_text
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session


class SessionRegistry:
    """The sessions of this installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: Session) -> None:
        """Keep a new session."""

        def change(transaction: Transaction) -> None:
            transaction.change(
                "INSERT INTO sessions (id, name, owner, runtime, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    session.id,
                    session.name,
                    session.owner,
                    session.runtime,
                    to_text(session.created_at),
                ),
            )

        await self._database.write(change)

    async def remove(self, session_id: str) -> None:
        """Forget a session; unknown ids are ignored."""
        await self._database.write(
            lambda transaction: transaction.change(
                "DELETE FROM sessions WHERE id = ?", (session_id,)
            )
        )

    async def all(self) -> list[Session]:
        """Return every open session, oldest first."""
        rows = await self._database.read("SELECT * FROM sessions ORDER BY created_at, id")
        return [_session(row) for row in rows]


def _session(row: Row) -> Session:
    return Session(
        row["id"],
        row["name"],
        row["owner"],
        RuntimeKind(row["runtime"]),
        from_text(row["created_at"]),
    )
