"""How a node knows that another one changed something.

Whatever changes things of a kind counts its revision up, within the very transaction of the
change.  That locks the row until the transaction ends, so revisions are committed in their
order: whoever reads 7 can read all that was changed up to 7.
"""

from enum import StrEnum

from hermetic.database.database import Database, Transaction


class Kind(StrEnum):
    """What nodes keep in memory, and so must notice a change of."""

    SERVICES = "services"
    LOGINS = "logins"
    PRINCIPALS = "principals"
    NODES = "nodes"
    """The compute nodes: which there are, and which are being taken out."""


class Revisions:
    """The revisions of this installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def current(self) -> dict[Kind, int]:
        """Return the revision of each kind; 0 of one that was never changed.

        To be asked before the things themselves: then they are of this revision, or newer.
        """
        rows = await self._database.read("SELECT kind, revision FROM revisions")
        found = {row["kind"]: row["revision"] for row in rows}
        return {kind: found.get(kind, 0) for kind in Kind}


def bump(transaction: Transaction, kind: Kind) -> int:
    """Count the revision of *kind* up and return the new one."""
    (row,) = transaction.rows(
        "INSERT INTO revisions (kind, revision) VALUES (?, 1)"
        " ON CONFLICT (kind) DO UPDATE SET revision = revisions.revision + 1 RETURNING revision",
        (kind,),
    )
    revision: int = row["revision"]
    return revision
