"""A database in an empty folder."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermetic.database.schema import Migration
from hermetic.database.sqlite import SqliteDatabase

NOTES = Migration(1, "notes", "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, text TEXT);\n")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "test.sqlite3", migrations=[NOTES])
    await database.open()
    yield database
    await database.close()
