"""Files that were uploaded on the way to a model or a deployment, and what deployments are made of.

The content of a file lies in a bundle of its own, so that it is kept, shared and swept as bundles
are; here stands which.  Nothing here knows who refers to a file; `sweep` is told.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

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
        """Keep *artifact*, which is wanted from now on; the same once more is wanted anew.

        Raises:
            Conflict: There is another one of its name, which somebody may rely on.
        """
        values = (artifact.name, artifact.bundle, artifact.size, to_text(self._clock()))

        def change(transaction: Transaction) -> None:
            transaction.change(
                "INSERT INTO artifacts (name, bundle, size, wanted_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET wanted_at = excluded.wanted_at",
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
        rows = await self._database.read(
            f"SELECT * FROM artifacts WHERE {_BELOW} ORDER BY name",  # noqa: S608  # a constant
            _range(prefix),
        )
        return [_artifact(row) for row in rows]

    async def want(self, prefix: str) -> int:
        """Have the files of `below` stay for a while; return how many there are.

        To be awaited before something refers to them: what was swept before is not there, and
        what is there is not swept.
        """
        values = (to_text(self._clock()), *_range(prefix))
        return await self._database.write(
            lambda transaction: transaction.change(
                f"UPDATE artifacts SET wanted_at = ? WHERE {_BELOW}",  # noqa: S608  # a constant
                values,
            )
        )

    async def sweep(self, kept: Collection[str], grace: timedelta) -> int:
        """Forget the files that nobody wanted for *grace*; return how many those were.

        Those named in *kept* stay, and those in folders named there.
        """
        before = to_text(self._clock() - grace)

        def change(transaction: Transaction) -> int:
            rows = transaction.rows("SELECT name FROM artifacts WHERE wanted_at < ?", (before,))
            doomed = [row["name"] for row in rows if not _is_among(row["name"], kept)]
            # Asked once more: where transactions do not wait for each other, somebody wants it now.
            return sum(
                transaction.change(
                    "DELETE FROM artifacts WHERE name = ? AND wanted_at < ?", (name, before)
                )
                for name in doomed
            )

        return await self._database.write(change)

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


# Text is in the order of its bytes, so what begins with "a/" lies between "a/" and "a0".
_BELOW = "(name = ? OR (name >= ? AND name < ?))"


def _range(prefix: str) -> tuple[str, str, str]:
    return prefix, f"{prefix}/", f"{prefix}0"


def _is_among(name: str, kept: Collection[str]) -> bool:
    return name in kept or any(str(one) in kept for one in PurePosixPath(name).parents)


def _artifact(row: Row) -> Artifact:
    return Artifact(row["name"], row["bundle"], row["size"])
