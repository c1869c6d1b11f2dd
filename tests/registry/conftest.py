"""A database of each maker with our own tables, a clock that stands, and a store of bundles."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from hermetic.clock import TurnedClock
from hermetic.database.database import Database, Transaction
from hermetic.database.postgresql import PostgresDatabase
from hermetic.database.sqlite import SqliteDatabase
from hermetic.registry.bundles import BundleArchive
from hermetic.serving.bundle import Bounds
from tests.support.postgresql import Cluster

BOUNDS = Bounds(archive=2_000_000, unpacked=4_000_000, members=50, ratio_counts_from=500_000)


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


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest) -> PostgresDatabase | None:
    """The database that is emptied for each test; `None` for one that is made for it."""
    if request.param == "sqlite":
        return None
    database: PostgresDatabase = request.getfixturevalue("postgres_database")
    return database


@pytest.fixture
async def database(kept: PostgresDatabase | None, tmp_path: Path) -> AsyncIterator[Database]:
    if kept is not None:
        await kept.write(_empty)
        yield kept
        return
    database = SqliteDatabase(tmp_path / "hermetic.sqlite3")
    await database.open()
    yield database
    await database.close()


def _empty(transaction: Transaction) -> None:
    for row in transaction.rows(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migrations'"
    ):
        transaction.change(f"DELETE FROM {row['tablename']}")


@pytest.fixture
async def bundles(tmp_path: Path, clock: TurnedClock) -> BundleArchive:
    bundles = BundleArchive(tmp_path / "bundles", tmp_path / "unpacked", clock=clock, bounds=BOUNDS)
    await bundles.start()
    return bundles
