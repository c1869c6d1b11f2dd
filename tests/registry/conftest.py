"""A database of each maker with our own tables, a clock that stands, and a store of bundles."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.database.postgresql import PostgresDatabase
from hermetic.database.sqlite import SqliteDatabase
from hermetic.registry.bundles import BundleArchive
from hermetic.serving.bundle import Bounds
from tests.support.postgresql import Cluster

BOUNDS = Bounds(archive=2_000_000, unpacked=4_000_000, members=50, ratio_counts_from=500_000)

EMPTY = """
DO $$ DECLARE name TEXT; BEGIN
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'migrations'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
END $$
"""


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_database(postgresql: Cluster) -> AsyncIterator[PostgresDatabase]:
    """One for all tests of this room, since a database takes longer to make than to empty."""
    with postgresql.database() as reach:
        database = PostgresDatabase(reach)
        await database.open()
        yield database
        await database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def kept(request: pytest.FixtureRequest) -> PostgresDatabase | None:
    """The database that is emptied for each test; `None` for one that is made for it."""
    if request.param == "sqlite":
        return None
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    return database


@pytest.fixture
async def database(kept: PostgresDatabase | None, tmp_path: Path) -> AsyncIterator[Database]:
    if kept is not None:
        await kept.write(lambda transaction: transaction.change(EMPTY))
        yield kept
        return
    database = SqliteDatabase(tmp_path / "hermetic.sqlite3")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def bundles(tmp_path: Path, clock: TurnedClock) -> BundleArchive:
    bundles = BundleArchive(tmp_path / "bundles", tmp_path / "unpacked", clock=clock, bounds=BOUNDS)
    await bundles.start()
    return bundles
