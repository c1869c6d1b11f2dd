"""What several web nodes keep together, in a PostgreSQL database.

Apart from `keeping`, since it takes a library that one box does without.
"""

from dataclasses import replace

from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.database.connection_string import parse
from hermetic.database.postgresql import PostgresDatabase
from hermetic.database.postgresql_connection import Limits
from hermetic.registry.shared_bundles import SharedBundles
from hermetic.wiring.keeping import Kept, kept_with

_BRIEF = Limits(connecting=2, statement=2, idle_change=2, answer=2.5)


def database_of(connection: str) -> PostgresDatabase:
    """Return the database of *connection*, for somebody who looks at it and has little time.

    Raises:
        BadConfiguration: As `kept_at` does.
    """
    return PostgresDatabase(parse(connection), limits=_BRIEF)


def kept_at(home: Home, connection: str, upload_bytes: int, clock: Clock) -> Kept:
    """Return what is kept in the database of *connection*, a connection string.

    Bundles lie there too; the home has copies of some.

    Raises:
        BadConfiguration: The connection string cannot be understood.
    """
    where = parse(connection)
    database = PostgresDatabase(where)
    kept = kept_with(home, database, ("postgresql", where.database), upload_bytes, clock)
    return replace(kept, bundles=SharedBundles(kept.local, database, clock))
