"""Logins: which pairs of tokens were given out, and which of them are alive.

A refresh token is kept as its SHA-256 digest only: it is 32 random bytes, so nobody guesses it
from that, and a stolen database lets nobody in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hermetic.clock import Clock
from hermetic.database.database import Database, Row, Transaction
from hermetic.registry.moments import from_text, to_text
from hermetic.registry.revisions import Kind, bump

MOST = 1000
"""Pairs of one principal that live; a person has a few, a pipeline one for each run."""

TOLD_FOR = timedelta(minutes=10)
"""How long a pair that ended is kept at least; who asks what changed more often misses nothing."""

_AT_ONCE = 1000  # rows that one login clears away; should there be more, the next ones do


@dataclass(frozen=True)
class Login:
    """One pair of tokens; `chain` is shared by all pairs that came from one login."""

    id: str
    chain: str
    principal: str
    issued_at: datetime
    refresh_until: datetime
    chain_until: datetime


@dataclass(frozen=True)
class LoginChange:
    """What became of a pair: it was given out, and lives, or it ended."""

    id: str
    principal: str
    issued_at: datetime
    is_alive: bool


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

    async def changed(self, since_revision: int) -> list[LoginChange]:
        """Return the pairs given out or ended since a revision of logins, in that order.

        Whoever has not asked for `TOLD_FOR` reads `alive` instead: some that ended are forgotten.
        """
        rows = await self._database.read(
            "SELECT id, principal, issued_at, ended_at FROM logins WHERE revision > ?"
            " ORDER BY revision",
            (since_revision,),
        )
        return [
            LoginChange(
                row["id"], row["principal"], from_text(row["issued_at"]), row["ended_at"] is None
            )
            for row in rows
        ]

    async def add(self, login: Login, refresh_digest: str) -> list[str]:
        """Keep a new pair, and forget those nobody can refresh any more.

        Returns the ids of the pairs that had to end, since the principal had too many: the
        oldest.
        """
        now = self._clock()

        def change(transaction: Transaction) -> list[str]:
            transaction.change("DELETE FROM logins WHERE refresh_until <= ?", (to_text(now),))
            revision = bump(transaction, Kind.LOGINS)
            _insert(transaction, login, refresh_digest, revision)
            self._forget(transaction, login.principal, now)
            return self._end_oldest(transaction, login.principal, now, revision)

        return await self._database.write(change)

    async def find(self, refresh_digest: str) -> tuple[Login, bool] | None:
        """Return the pair of a refresh token, and whether it can still be refreshed."""
        rows = await self._database.read(
            "SELECT * FROM logins WHERE refresh_digest = ?", (refresh_digest,)
        )
        return (_login(rows[0]), rows[0]["ended_at"] is None) if rows else None

    async def succeed(self, old: Login, new: Login, refresh_digest: str) -> bool:
        """End *old* and keep *new* in its place; `False`, and no change, if *old* had ended."""
        now = self._clock()

        def change(transaction: Transaction) -> bool:
            if not transaction.rows(
                "SELECT id FROM logins WHERE id = ? AND ended_at IS NULL", (old.id,)
            ):
                return False
            revision = bump(transaction, Kind.LOGINS)
            _end_one(transaction, old.id, now, revision)
            _insert(transaction, new, refresh_digest, revision)
            self._forget(transaction, new.principal, now)
            return True

        return await self._database.write(change)

    async def end_chain(self, chain: str) -> list[str]:
        """End every pair of one login and return their ids."""
        return await self._end("chain", chain)

    async def end_all(self, principal: str) -> list[str]:
        """End every login of *principal* and return the ids of their pairs."""
        return await self._end("principal", principal)

    def _end_oldest(
        self, transaction: Transaction, principal: str, now: datetime, revision: int
    ) -> list[str]:
        """End what is above the bound and return the ids; other nodes have to hear of it."""
        rows = transaction.rows(
            "SELECT id FROM logins WHERE principal = ? AND ended_at IS NULL"
            " ORDER BY issued_at DESC, revision DESC LIMIT ? OFFSET ?",
            (principal, _AT_ONCE, self._most),
        )
        for row in rows:
            _end_one(transaction, row["id"], now, revision)
        return [row["id"] for row in rows]

    def _forget(self, transaction: Transaction, principal: str, now: datetime) -> None:
        """Remove what ended, above the bound, and long enough ago that every node knows it."""
        rows = transaction.rows(
            "SELECT id FROM logins WHERE principal = ? AND ended_at <= ?"
            " ORDER BY ended_at DESC, revision DESC LIMIT ? OFFSET ?",
            (principal, to_text(now - TOLD_FOR), _AT_ONCE, self._most),
        )
        for row in rows:
            transaction.change("DELETE FROM logins WHERE id = ?", (row["id"],))

    async def _end(self, column: str, value: str) -> list[str]:
        now = to_text(self._clock())
        which = f"FROM logins WHERE {column} = ?"  # one of two words of ours

        def change(transaction: Transaction) -> list[str]:
            rows = transaction.rows(f"SELECT id, ended_at {which}", (value,))
            if any(row["ended_at"] is None for row in rows):
                transaction.change(
                    f"UPDATE logins SET ended_at = ?, revision = ? WHERE {column} = ?"  # noqa: S608 - as above
                    " AND ended_at IS NULL",
                    (now, bump(transaction, Kind.LOGINS), value),
                )
            return [row["id"] for row in rows]

        return await self._database.write(change)


def _end_one(transaction: Transaction, login_id: str, now: datetime, revision: int) -> None:
    transaction.change(
        "UPDATE logins SET ended_at = ?, revision = ? WHERE id = ?",
        (to_text(now), revision, login_id),
    )


def _insert(transaction: Transaction, login: Login, refresh_digest: str, revision: int) -> None:
    transaction.change(
        "INSERT INTO logins"
        " (id, chain, principal, refresh_digest, issued_at, refresh_until, chain_until, revision)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            login.id,
            login.chain,
            login.principal,
            refresh_digest,
            to_text(login.issued_at),
            to_text(login.refresh_until),
            to_text(login.chain_until),
            revision,
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
