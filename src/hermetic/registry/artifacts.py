"""Files that were uploaded on the way to a model or a deployment, and what deployments are made of.

The content of a file lies in a bundle of its own, so that it is kept, shared and swept as bundles
are; here stands which.
"""

from dataclasses import dataclass

from hermetic.clock import Clock
from hermetic.database.database import Database, Row, Transaction
from hermetic.errors import Conflict
from hermetic.registry.moments import to_text


@dataclass(frozen=True)
class Artifact:
    """One uploaded file: its name, the digest of its bundle, its size in bytes."""

    name: str
    bundle: str
    size: int


class Artifacts:
    """The uploaded files of this installation."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def put(self, artifact: Artifact) -> None:
        """Keep *artifact*; the same once more changes nothing.

        Raises:
            Conflict: There is another one of its name, which somebody may rely on.
        """
        values = (artifact.name, artifact.bundle, artifact.size, to_text(self._clock()))

        def change(transaction: Transaction) -> None:
            transaction.change(
                "INSERT INTO artifacts (name, bundle, size, created_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO NOTHING",
                values,
            )
            (row,) = transaction.rows(
                "SELECT bundle FROM artifacts WHERE name = ?", (artifact.name,)
            )
            if row["bundle"] != artifact.bundle:
                raise Conflict(
                    f"Something else was uploaded as {artifact.name[:200]!r} before, and is not"
                    " replaced: choose another name."
                )

        await self._database.write(change)

    async def find(self, name: str) -> Artifact | None:
        """Return the file *name*; `None` if there is none."""
        rows = await self._database.read("SELECT * FROM artifacts WHERE name = ?", (name,))
        return _artifact(rows[0]) if rows else None

    async def below(self, prefix: str) -> list[Artifact]:
        """Return the file *prefix*, or all files in the folder of that name, by name."""
        # Text is in the order of its bytes, so what begins with "a/" lies between "a/" and "a0".
        rows = await self._database.read(
            "SELECT * FROM artifacts WHERE name = ? OR (name >= ? AND name < ?) ORDER BY name",
            (prefix, f"{prefix}/", f"{prefix}0"),
        )
        return [_artifact(row) for row in rows]

    async def deploy(self, deployment: str, bundle: str | None) -> None:
        """Keep *bundle* for *deployment*, in place of what it was made of; none if it is gone."""

        def change(transaction: Transaction) -> None:
            transaction.change("DELETE FROM deployed_bundles WHERE deployment = ?", (deployment,))
            if bundle is not None:
                transaction.change(
                    "INSERT INTO deployed_bundles (deployment, bundle) VALUES (?, ?)",
                    (deployment, bundle),
                )

        await self._database.write(change)

    async def bundles(self) -> tuple[set[str], set[str]]:
        """Return the bundles that files lie in, and those that deployments are made of."""
        files = await self._database.read("SELECT DISTINCT bundle FROM artifacts")
        deployed = await self._database.read("SELECT DISTINCT bundle FROM deployed_bundles")
        return {row["bundle"] for row in files}, {row["bundle"] for row in deployed}


def _artifact(row: Row) -> Artifact:
    return Artifact(row["name"], row["bundle"], row["size"])
