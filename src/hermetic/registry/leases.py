"""Leases: who of several nodes does what only one may do at a time.

A lease ends by itself, for its holder may have died.  A holder that was merely paused does not know
that: so each lease has a token that grows with every change of hands, and whatever the holder
writes is refused once a higher one is out (*fencing*).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from hermetic.clock import Clock
from hermetic.database.database import Database, Transaction
from hermetic.errors import Conflict
from hermetic.registry.moments import from_text, to_text


@dataclass(frozen=True)
class Lease:
    """The right to do something until a moment, by the clock of whoever holds it."""

    name: str
    holder: str
    token: int
    until: datetime


class Leases:
    """The leases of this installation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def take(self, name: str, holder: str, life: timedelta) -> Lease | None:
        """Take the lease *name* for *life*, or keep it for as long; `None` if another node has it."""
        now = self._clock()
        until = now + life

        def change(transaction: Transaction) -> Lease | None:
            rows = transaction.rows(
                "SELECT holder, token, until FROM leases WHERE name = ?", (name,)
            )
            token = 1
            if rows:
                row = rows[0]
                token = row["token"]
                if row["holder"] != holder:
                    # One of far in the future is that of a clock that was set back since.
                    if now < from_text(row["until"]) <= now + 2 * life:
                        return None
                    token += 1
            transaction.change(
                "INSERT INTO leases (name, holder, token, until) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder,"
                " token = excluded.token, until = excluded.until",
                (name, holder, token, to_text(until)),
            )
            return Lease(name, holder, token, until)

        return await self._database.write(change)

    async def release(self, lease: Lease) -> None:
        """Give a lease back, if it is still ours; the next one need not wait for its end."""
        now = to_text(self._clock())
        await self._database.write(
            lambda transaction: transaction.change(
                "UPDATE leases SET until = ? WHERE name = ? AND holder = ? AND token = ?",
                (now, lease.name, lease.holder, lease.token),
            )
        )


def refuse_without(transaction: Transaction, lease: Lease) -> None:
    """Refuse a change by a holder whose lease another one has taken over meanwhile.

    Raises:
        Conflict: It was.
    """
    rows = transaction.rows("SELECT holder, token FROM leases WHERE name = ?", (lease.name,))
    if not rows or (rows[0]["holder"], rows[0]["token"]) != (lease.holder, lease.token):
        raise Conflict(f"Another node has taken over {lease.name!r} meanwhile.")
