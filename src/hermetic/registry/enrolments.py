"""Who may have certificates of our authority, in the database: tokens, and the accounts they became.

A token is an enrolment nobody has used yet.  Its secret is not kept: it is made anew from its id.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hermetic.clock import Clock
from hermetic.database.database import Database, Row, Transaction
from hermetic.errors import Conflict
from hermetic.registry.moments import from_text, to_text


@dataclass(frozen=True)
class Enrolment:
    """What a token permits, and what became of it.

    Args:
        roles: What certificates may be for, the usual one first (`certificates.roles.Role`).
        names: DNS names and addresses that may be certified.
        redeem_until: Until when an account may be made of it.
        account_key: The public key of that account, as a JWK in JSON; `None` before.
        ended_at: When it was taken back, or the account given up.
        seen_at: When the account spoke last.
        holds: The roots that it said then to trust: their SHA-256.
    """

    id: str
    roles: tuple[str, ...]
    names: tuple[str, ...]
    created_by: str
    created_at: datetime
    redeem_until: datetime
    account_key: str | None = None
    contact: tuple[str, ...] = ()
    joined_at: datetime | None = None
    ended_at: datetime | None = None
    seen_at: datetime | None = None
    holds: tuple[str, ...] = ()


class Enrolments:
    """The enrolments at one *authority*."""

    def __init__(self, database: Database, authority: str, clock: Clock) -> None:
        self._database, self._authority, self._clock = database, authority, clock

    async def add(self, one: Enrolment) -> None:
        """Keep a new token."""
        values = (
            one.id,
            self._authority,
            json.dumps(one.roles),
            json.dumps(one.names),
            one.created_by,
            to_text(one.created_at),
            to_text(one.redeem_until),
        )
        await self._database.write(
            lambda transaction: transaction.change(
                "INSERT INTO enrolments"
                " (id, authority, roles, names, created_by, created_at, redeem_until)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        )

    async def all(self) -> list[Enrolment]:
        """Return every enrolment, the oldest first."""
        rows = await self._database.read(
            "SELECT * FROM enrolments WHERE authority = ? ORDER BY created_at, id",
            (self._authority,),
        )
        return [_enrolment(row) for row in rows]

    async def find(self, id_: str) -> Enrolment | None:
        """Return the enrolment *id_*, if there is one."""
        return await self._one("id", id_)

    async def find_key(self, account_key: str) -> Enrolment | None:
        """Return the one whose account has that key, if there is one."""
        return await self._one("account_key", account_key)

    async def redeem(self, id_: str, account_key: str, contact: Sequence[str]) -> bool:
        """Make an account of a token; false if it is none, was used, is late or was taken back.

        Raises `Conflict` if another account has that key.
        """
        now = to_text(self._clock())
        values = account_key, json.dumps(list(contact)), now, id_, self._authority, now
        return await self._changed(
            "UPDATE enrolments SET account_key = ?, contact = ?, joined_at = ?"
            " WHERE id = ? AND authority = ? AND joined_at IS NULL AND ended_at IS NULL"
            " AND redeem_until >= ?",
            *values,
        )

    async def change_key(self, id_: str, before: str, account_key: str) -> bool:
        """Give the account another key; false if it has another one already.

        Raises `Conflict` if that is another account's.
        """
        return await self._changed(
            "UPDATE enrolments SET account_key = ? WHERE id = ? AND authority = ?"
            " AND account_key = ? AND ended_at IS NULL",
            account_key,
            id_,
            self._authority,
            before,
        )

    async def set_contact(self, id_: str, contact: Sequence[str]) -> None:
        """Keep other addresses of an account."""
        await self._changed(
            "UPDATE enrolments SET contact = ? WHERE id = ? AND authority = ?",
            json.dumps(list(contact)),
            id_,
            self._authority,
        )

    async def end(self, id_: str) -> bool:
        """Take it back; false if there is no such one, or it had ended."""
        return await self._changed(
            "UPDATE enrolments SET ended_at = ? WHERE id = ? AND authority = ?"
            " AND ended_at IS NULL",
            to_text(self._clock()),
            id_,
            self._authority,
        )

    async def saw(self, id_: str, holds: Sequence[str]) -> None:
        """Note that the account spoke, and which roots it said to trust."""
        await self._changed(
            "UPDATE enrolments SET seen_at = ?, holds = ? WHERE id = ? AND authority = ?",
            to_text(self._clock()),
            ",".join(holds),
            id_,
            self._authority,
        )

    async def _one(self, column: str, value: str) -> Enrolment | None:
        rows = await self._database.read(
            f"SELECT * FROM enrolments WHERE authority = ? AND {column} = ?",  # noqa: S608 - ours
            (self._authority, value),
        )
        return _enrolment(rows[0]) if rows else None

    async def _changed(self, sql: str, *values: str) -> bool:
        def change(transaction: Transaction) -> bool:
            return transaction.change(sql, values) > 0

        return await self._database.write(change)


class SpentNonces:
    """The nonces that were used, so that no request is taken twice, at whichever node."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def spend(self, nonce: str, until: datetime) -> bool:
        """Spend *nonce*, which is good until then; false if it was spent before."""

        def change(transaction: Transaction) -> bool:
            transaction.change(
                "DELETE FROM spent_nonces WHERE until < ?", (to_text(self._clock()),)
            )
            transaction.change(
                "INSERT INTO spent_nonces (nonce, until) VALUES (?, ?)", (nonce, to_text(until))
            )
            return True

        try:
            return await self._database.write(change)
        except Conflict:
            return False


def _enrolment(row: Row) -> Enrolment:
    return Enrolment(
        row["id"],
        tuple(json.loads(row["roles"])),
        tuple(json.loads(row["names"])),
        row["created_by"],
        from_text(row["created_at"]),
        from_text(row["redeem_until"]),
        row["account_key"],
        tuple(json.loads(row["contact"])),
        _moment(row["joined_at"]),
        _moment(row["ended_at"]),
        _moment(row["seen_at"]),
        tuple(filter(None, row["holds"].split(","))),
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_text(text)
