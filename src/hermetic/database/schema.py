"""Which form the tables have: numbered migrations, each applied once and whole.

A migration is never edited once it was released; what a database applied is compared with
what we ship, since a table that differs silently is worse than a node that does not start.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files

from hermetic.database.database import Transaction
from hermetic.errors import BadConfiguration

_FILE_NAME = re.compile(r"(\d{4})_([a-z_]+)\.sql\Z")

_APPLIED = """
CREATE TABLE IF NOT EXISTS migrations (
    version INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    digest TEXT NOT NULL
)
"""


@dataclass(frozen=True)
class Migration:
    """One step from a form of the tables to the next."""

    version: int
    name: str
    sql: str

    @property
    def digest(self) -> str:
        """What the step is known by once it was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> Iterator[str]:
        """The single statements, which a semicolon at the end of a line divides."""
        for part in re.split(r";[ \t]*\n", self.sql + "\n"):
            if part.strip():
                yield part


def shipped() -> tuple[Migration, ...]:
    """Return the migrations of this version, in order."""
    found = []
    for file in files("hermetic.database").joinpath("migrations").iterdir():
        if match := _FILE_NAME.match(file.name):
            found.append(Migration(int(match[1]), match[2], file.read_text("utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.version))


def pending(transaction: Transaction, known: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return which of *known* are still to be applied.

    Raises:
        BadConfiguration: The database applied something that is not in *known*.
    """
    transaction.change(_APPLIED)
    applied = {
        row["version"]: row["digest"]
        for row in transaction.rows("SELECT version, digest FROM migrations")
    }
    unknown = applied.keys() - {migration.version for migration in known}
    if unknown:
        newest = max((migration.version for migration in known), default=0)
        raise BadConfiguration(
            f"The database has form {max(unknown)}, and this version of Hermetic knows forms up"
            f" to {newest}: start the newer version that wrote it, or restore an older copy."
        )
    for migration in known:
        if applied.get(migration.version, migration.digest) != migration.digest:
            raise BadConfiguration(
                f"Migration {migration.version} ({migration.name}) of the database is not the"
                " one this version ships: install the version that wrote the database."
            )
    return tuple(migration for migration in known if migration.version not in applied)


def step(transaction: Transaction, known: Sequence[Migration]) -> Migration | None:
    """Take the next step that is to be taken, and return it; `None` if there is none.

    What is asked and what is done are one transaction: another process may open the same
    database at this moment.

    Raises:
        BadConfiguration: As `pending`.
    """
    waiting = pending(transaction, known)
    if not waiting:
        return None
    apply(transaction, waiting[0])
    return waiting[0]


def apply(transaction: Transaction, migration: Migration) -> None:
    """Take one step, as part of *transaction*."""
    for statement in migration.statements:
        transaction.change(statement)
    transaction.change(
        "INSERT INTO migrations (version, name, digest) VALUES (?, ?, ?)",
        (migration.version, migration.name, migration.digest),
    )
