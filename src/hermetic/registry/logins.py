"""Logins: which pairs of tokens were given out, and which of them are alive.

A refresh token is kept as its SHA-256 digest only: it is 32 random bytes, so nobody guesses it
from that, and a stolen database lets nobody in.
"""

from dataclasses import dataclass
from datetime import datetime

from hermetic.clock import Clock
from hermetic.database.database import Database, Row, Transaction
from hermetic.registry.moments import from_text, to_text

MOST = 1000
"""Pairs of one principal that are kept; a person has a few, a pipeline one for each run."""


@dataclass(frozen=True)
class Login:
    """One pair of tokens; `chain` is shared by all pairs that came from one login."""

    id: str
    chain: str
    principal: str
    issued_at: datetime
    refresh_until: datetime
    chain_until: datetime


class Logins:
    """The logins of this installation."""

    def __init__(self, database: Database, clock: Clock, *, most: int = MOST) -> None:
        self._database = database
        self._clock = clock
        self._most = most

    async def alive(self, *, since: datetime) -> list[Login]:
        """Return the pairs given out after *since* and not ended."""
        rows = await self._database.read(
            "SELECT * FROM logins WHERE issued_at > ? AND ended_at IS NULL", (to_text(since),)
        )
        return [_login(row) for row in rows]

    async def add(self, login: Login, refresh_digest: str) -> list[str]:
        """Keep a new pair, and forget those nobody can refresh any more.

        Returns the ids of the pairs that had to end, since the principal had too many: the
        oldest.
        """
        now = to_text(self._clock())

        def change(transaction: Transaction) -> list[str]:
            transaction.change("DELETE FROM logins WHERE refresh_until <= ?", (now,))
            _insert(transaction, login, refresh_digest)
            return self._forget(transaction, login.principal)

        return await self._database.write(change)

    async def find(self, refresh_digest: str) -> tuple[Login, bool] | None:
        """Return the pair of a refresh token, and whether it can still be refreshed."""
        rows = await self._database.read(
            "SELECT * FROM logins WHERE refresh_digest = ?", (refresh_digest,)
        )
        return (_login(rows[0]), rows[0]["ended_at"] is None) if rows else None

    async def succeed(self, old: Login, new: Login, refresh_digest: str) -> bool:
        """End *old* and keep *new* in its place; `False`, and no change, if *old* had ended."""
        now = to_text(self._clock())

        def change(transaction: Transaction) -> bool:
            ended = transaction.change(
                "UPDATE logins SET ended_at = ? WHERE id = ? AND ended_at IS NULL", (now, old.id)
            )
            if ended:
                _insert(transaction, new, refresh_digest)
                self._forget(transaction, new.principal)
            return bool(ended)

        return await self._database.write(change)

    async def end_chain(self, chain: str) -> list[str]:
        """End every pair of one login and return their ids."""
        return await self._end("chain", chain)

    async def end_all(self, principal: str) -> list[str]:
        """End every login of *principal* and return the ids of their pairs."""
        return await self._end("principal", principal)

    def _forget(self, transaction: Transaction, principal: str) -> list[str]:
        """Remove what is above the bound; pairs that ended before any that is alive."""
        rows = transaction.rows(
            "SELECT id FROM logins WHERE principal = ?"
            " ORDER BY ended_at IS NULL DESC, issued_at DESC, rowid DESC LIMIT -1 OFFSET ?",
            (principal, self._most),
        )
        for row in rows:
            transaction.change("DELETE FROM logins WHERE id = ?", (row["id"],))
        return [row["id"] for row in rows]

    async def _end(self, column: str, value: str) -> list[str]:
        now = to_text(self._clock())

        def change(transaction: Transaction) -> list[str]:
            transaction.change(
                f"UPDATE logins SET ended_at = ? WHERE {column} = ? AND ended_at IS NULL",  # noqa: S608 - one of two words of ours
                (now, value),
            )
            rows = transaction.rows(f"SELECT id FROM logins WHERE {column} = ?", (value,))  # noqa: S608 - as above
            return [row["id"] for row in rows]

        return await self._database.write(change)


def _insert(transaction: Transaction, login: Login, refresh_digest: str) -> None:
    transaction.change(
        "INSERT INTO logins"
        " (id, chain, principal, refresh_digest, issued_at, refresh_until, chain_until)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            login.id,
            login.chain,
            login.principal,
            refresh_digest,
            to_text(login.issued_at),
            to_text(login.refresh_until),
            to_text(login.chain_until),
        ),
    )


def _login(row: Row) -> Login:
    return Login(
        row["id"],
        row["chain"],
        row["principal"],
        from_text(row["issued_at"]),
        from_text(row["refresh_until"]),
        from_text(row["chain_until"]),
    )
