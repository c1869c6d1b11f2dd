"""What was ordered of our authority by its accounts, and what it certified, in the database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hermetic.clock import Clock
from hermetic.database.database import Database, Row, Transaction
from hermetic.errors import Conflict
from hermetic.registry.moments import from_text, to_text


@dataclass(frozen=True)
class Order:
    """One order; `serial` names what was certified for it, in hexadecimal.

    Args:
        replaces: The serial of what it takes the place of, or "".
    """

    id: str
    enrolment: str
    role: str
    names: tuple[str, ...]
    replaces: str
    created_at: datetime
    expires_at: datetime
    serial: str | None = None


@dataclass(frozen=True)
class Certified:
    """A certificate that was issued for an order; `chain` is PEM."""

    serial: str
    enrolment: str
    role: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    chain: str
    replaced_by: str | None = None


@dataclass(frozen=True)
class Revocation:
    """A certificate that was taken back, for one of the reasons of RFC 5280 (5.3.1)."""

    serial: str
    revoked_at: datetime
    reason: int
    not_after: datetime


class Orders:
    """Orders at one *authority*, what was certified for them, and what was taken back."""

    def __init__(self, database: Database, authority: str, clock: Clock) -> None:
        self._database, self._authority, self._clock = database, authority, clock

    async def add(self, order: Order) -> None:
        """Keep a new order.

        Raises:
            Conflict: What it replaces was replaced already.
        """
        values = (
            order.id,
            order.enrolment,
            order.role,
            json.dumps(order.names),
            order.replaces,
            to_text(order.created_at),
            to_text(order.expires_at),
        )

        def change(transaction: Transaction) -> None:
            if order.replaces and not transaction.change(
                "UPDATE certificates SET replaced_by = ? WHERE authority = ? AND serial = ?"
                " AND replaced_by IS NULL",
                (order.id, self._authority, order.replaces),
            ):
                raise Conflict("Another order replaces that certificate already.")
            transaction.change(
                "INSERT INTO orders"
                " (id, enrolment, role, names, replaces, created_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            )

        await self._database.write(change)

    async def find(self, id_: str) -> Order | None:
        """Return the order *id_*, if there is one."""
        rows = await self._database.read("SELECT * FROM orders WHERE id = ?", (id_,))
        return _order(rows[0]) if rows else None

    async def of(self, enrolment: str, *, most: int) -> list[Order]:
        """Return the newest *most* orders of an account."""
        rows = await self._database.read(
            "SELECT * FROM orders WHERE enrolment = ? ORDER BY created_at DESC, id LIMIT ?",
            (enrolment, most),
        )
        return [_order(row) for row in rows]

    async def ordered_since(self, enrolment: str, moment: datetime) -> list[datetime]:
        """Return when an account made its orders since *moment*, the first one first."""
        rows = await self._database.read(
            "SELECT created_at FROM orders WHERE enrolment = ? AND created_at >= ?"
            " ORDER BY created_at",
            (enrolment, to_text(moment)),
        )
        return [from_text(row["created_at"]) for row in rows]

    async def fulfil(self, order: str, made: Certified) -> bool:
        """Keep what was certified for *order*; false if something was already, which stays."""

        def change(transaction: Transaction) -> bool:
            if not transaction.change(
                "UPDATE orders SET serial = ? WHERE id = ? AND serial IS NULL", (made.serial, order)
            ):
                return False
            transaction.change(
                "INSERT INTO certificates (authority, serial, enrolment, role, names, not_before,"
                " not_after, chain) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._authority,
                    made.serial,
                    made.enrolment,
                    made.role,
                    json.dumps(made.names),
                    to_text(made.not_before),
                    to_text(made.not_after),
                    made.chain,
                ),
            )
            return True

        return await self._database.write(change)

    async def certified(self, serial: str) -> Certified | None:
        """Return the certificate with that serial number, if it was issued for an order."""
        rows = await self._database.read(
            "SELECT * FROM certificates WHERE authority = ? AND serial = ?",
            (self._authority, serial),
        )
        return _certified(rows[0]) if rows else None

    async def certified_for(self, enrolment: str) -> list[Certified]:
        """Return what was certified for an account and has not ended, the newest first."""
        rows = await self._database.read(
            "SELECT * FROM certificates WHERE authority = ? AND enrolment = ? AND not_after >= ?"
            " ORDER BY not_before DESC, serial",
            (self._authority, enrolment, to_text(self._clock())),
        )
        return [_certified(row) for row in rows]

    async def revoke(self, revocations: Sequence[Revocation]) -> int:
        """Take certificates back; return how many were not before."""

        def change(transaction: Transaction) -> int:
            return sum(
                transaction.change(
                    "INSERT INTO revocations (authority, serial, revoked_at, reason, not_after)"
                    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (authority, serial) DO NOTHING",
                    (
                        self._authority,
                        one.serial,
                        to_text(one.revoked_at),
                        one.reason,
                        to_text(one.not_after),
                    ),
                )
                for one in revocations
            )

        return await self._database.write(change)

    async def revoked(self) -> list[Revocation]:
        """Return what was taken back and would not have ended by itself, by serial."""
        rows = await self._database.read(
            "SELECT * FROM revocations WHERE authority = ? AND not_after >= ? ORDER BY serial",
            (self._authority, to_text(self._clock())),
        )
        return [
            Revocation(
                row["serial"],
                from_text(row["revoked_at"]),
                row["reason"],
                from_text(row["not_after"]),
            )
            for row in rows
        ]

    async def ever_revoked(self) -> bool:
        """Whether anything was ever taken back: then there are lists, which have to be kept up."""
        rows = await self._database.read(
            "SELECT serial FROM revocations WHERE authority = ? LIMIT 1", (self._authority,)
        )
        return bool(rows)

    async def sweep(self, before: datetime) -> None:
        """Forget orders and certificates that ended before *before*."""
        moment = to_text(before)

        def change(transaction: Transaction) -> None:
            transaction.change("DELETE FROM orders WHERE expires_at < ?", (moment,))
            transaction.change("DELETE FROM certificates WHERE not_after < ?", (moment,))

        await self._database.write(change)


def _order(row: Row) -> Order:
    return Order(
        row["id"],
        row["enrolment"],
        row["role"],
        tuple(json.loads(row["names"])),
        row["replaces"],
        from_text(row["created_at"]),
        from_text(row["expires_at"]),
        row["serial"],
    )


def _certified(row: Row) -> Certified:
    return Certified(
        row["serial"],
        row["enrolment"],
        row["role"],
        tuple(json.loads(row["names"])),
        from_text(row["not_before"]),
        from_text(row["not_after"]),
        row["chain"],
        row["replaced_by"],
    )
