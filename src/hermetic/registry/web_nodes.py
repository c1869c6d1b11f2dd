"""Web nodes, in the database: each tells now and then that it is there, and how far it has read.

A node tells its own time.  Whoever reads it compares it with theirs, and so sees how far two
clocks are apart, as long as that is less than the silence they bear.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hermetic.clock import Clock
from hermetic.database.database import Database, Row, Transaction, Value
from hermetic.registry.moments import from_text, to_text
from hermetic.registry.revisions import Kind

FORGOTTEN_AFTER = timedelta(days=1)
"""How long a node may be silent before its row goes; one that left says so itself."""

_COLUMNS = (
    "id",
    "url",
    "signing_key",
    "version",
    "started_at",
    "beat_at",
    *(f"seen_{kind}" for kind in Kind),
)


@dataclass(frozen=True)
class WebNode:
    """A web node as it last told of itself, at `beat_at` by its own clock.

    `signing_key` names the key by which it signs tokens, which all nodes have to share; `seen`
    is the revision of each kind that it has read.
    """

    id: str
    url: str
    signing_key: str
    version: str
    started_at: datetime
    beat_at: datetime
    seen: Mapping[Kind, int]


class WebNodes:
    """The web nodes of this installation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def beat(self, node: WebNode) -> None:
        """Keep what *node* tells of itself in place of what it told before."""
        forgotten = to_text(self._clock() - FORGOTTEN_AFTER)
        values: tuple[Value, ...] = (
            node.id,
            node.url,
            node.signing_key,
            node.version,
            to_text(node.started_at),
            to_text(node.beat_at),
            *(node.seen[kind] for kind in Kind),
        )
        marks = ", ".join("?" * len(_COLUMNS))
        changes = ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS[1:])

        def change(transaction: Transaction) -> None:
            transaction.change("DELETE FROM web_nodes WHERE beat_at <= ?", (forgotten,))
            transaction.change(
                f"INSERT INTO web_nodes ({', '.join(_COLUMNS)}) VALUES ({marks})"  # noqa: S608 - names of columns of ours
                f" ON CONFLICT (id) DO UPDATE SET {changes}",
                values,
            )

        await self._database.write(change)

    async def alive(self, within: timedelta) -> list[WebNode]:
        """Return the nodes that told of themselves *within* that time, by their ids."""
        since = to_text(self._clock() - within)
        rows = await self._database.read(
            "SELECT * FROM web_nodes WHERE beat_at > ? ORDER BY id", (since,)
        )
        return [_node(row) for row in rows]

    async def leave(self, node_id: str) -> None:
        """Forget a node that stops; unknown ids are ignored."""
        await self._database.write(
            lambda transaction: transaction.change("DELETE FROM web_nodes WHERE id = ?", (node_id,))
        )


def _node(row: Row) -> WebNode:
    return WebNode(
        row["id"],
        row["url"],
        row["signing_key"],
        row["version"],
        from_text(row["started_at"]),
        from_text(row["beat_at"]),
        {kind: row[f"seen_{kind}"] for kind in Kind},
    )
