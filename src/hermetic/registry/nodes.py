"""Compute nodes, in the database: where they are, and which are being taken out.

An entry is kept as somebody wrote it, one address or a range; what it comes to is for others
to say.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from hermetic.clock import Clock
from hermetic.database.database import Database, Transaction
from hermetic.registry.moments import from_text, to_text
from hermetic.registry.revisions import Kind, bump


class ComputeEntries:
    """The compute nodes of this installation, in the order in which they were named."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def all(self) -> list[str]:
        """Return every entry, as it was written."""
        rows = await self._database.read("SELECT entry FROM compute_entries ORDER BY position")
        return [row["entry"] for row in rows]

    async def replace(self, entries: Iterable[str]) -> None:
        """Let *entries* be all there are; one that stands there twice counts once."""
        new = list(entries)
        await self._change(lambda _: new)

    async def add(self, entries: Iterable[str]) -> None:
        """Put *entries* behind those that are there; those known already stay where they are."""
        more = list(entries)
        await self._change(lambda known: [*known, *more])

    async def remove(self, entries: Iterable[str]) -> None:
        """Take *entries* out; unknown ones are ignored."""
        gone = set(entries)
        await self._change(lambda known: [one for one in known if one not in gone])

    async def seed(self, entries: Iterable[str]) -> None:
        """Add those of a settings file, each once for ever: what was removed stays removed."""
        wanted = list(dict.fromkeys(entries))

        def change(transaction: Transaction) -> None:
            rows = transaction.rows("SELECT entry FROM seeded_entries")
            seeded = {row["entry"] for row in rows}
            new = [one for one in wanted if one not in seeded]
            for one in new:
                transaction.change("INSERT INTO seeded_entries (entry) VALUES (?)", (one,))
            _keep(transaction, lambda known: [*known, *new])

        await self._database.write(change)

    async def drain(self, uri: str) -> None:
        """Let the node at *uri* get no further calls; it may be known or not."""
        await self._mark(
            "INSERT INTO draining_nodes (uri, since) VALUES (?, ?) ON CONFLICT (uri) DO NOTHING",
            (uri, to_text(self._clock())),
        )

    async def undrain(self, uri: str) -> None:
        """Let it get calls again; nothing happens if it did."""
        await self._mark("DELETE FROM draining_nodes WHERE uri = ?", (uri,))

    async def draining(self) -> dict[str, datetime]:
        """Return which nodes are being taken out, and since when, oldest first."""
        rows = await self._database.read(
            "SELECT uri, since FROM draining_nodes ORDER BY since, uri"
        )
        return {row["uri"]: from_text(row["since"]) for row in rows}

    async def _change(self, make: Callable[[list[str]], list[str]]) -> None:
        await self._database.write(lambda transaction: _keep(transaction, make))

    async def _mark(self, sql: str, values: tuple[str, ...]) -> None:
        def change(transaction: Transaction) -> None:
            if transaction.change(sql, values):
                bump(transaction, Kind.NODES)

        await self._database.write(change)


def _keep(transaction: Transaction, make: Callable[[list[str]], list[str]]) -> None:
    """Keep what *make* makes of the entries, each once; the revision tells if that is new."""
    rows = transaction.rows("SELECT entry FROM compute_entries ORDER BY position")
    known = [row["entry"] for row in rows]
    new = list(dict.fromkeys(make(known)))
    if new == known:
        return
    transaction.change("DELETE FROM compute_entries")
    for position, entry in enumerate(new):
        transaction.change(
            "INSERT INTO compute_entries (position, entry) VALUES (?, ?)", (position, entry)
        )
    bump(transaction, Kind.NODES)
