"""A database with our own tables, a clock that stands, and a store of bundles."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.registry.bundles import BundleArchive
from hermetic.serving.bundle import Bounds

BOUNDS = Bounds(archive=2_000_000, unpacked=4_000_000, members=50, ratio_counts_from=500_000)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "hermetic.sqlite3")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def bundles(tmp_path: Path, clock: TurnedClock) -> BundleArchive:
    bundles = BundleArchive(tmp_path / "bundles", tmp_path / "unpacked", clock=clock, bounds=BOUNDS)
    await bundles.start()
    return bundles
