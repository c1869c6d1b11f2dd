"""The database, as it is found: whether it answers, and which tables it has."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from hermetic.database.database import Row, Value
from hermetic.database.sqlite import SqliteDatabase
from hermetic.diagnostics import database
from hermetic.diagnostics.check import Finding
from hermetic.errors import BadConfiguration, HermeticError, Unavailable


async def found(path: Path, change: str = "") -> Finding:
    kept = SqliteDatabase(path)
    await kept.open()
    try:
        if change:
            await kept.write(lambda transaction: transaction.change(change))
        return await database.look(kept, "sqlite main")
    finally:
        await kept.close()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("", "database.fine"),
        ("INSERT INTO migrations VALUES (99, 'later', 'x')", "database.ahead"),
        ("UPDATE migrations SET digest = 'other' WHERE version = 1", "database.ahead"),
        ("DELETE FROM migrations WHERE version > 1", "database.behind"),
    ],
)
async def test_tables_are_judged_by_their_migrations(
    tmp_path: Path, change: str, code: str
) -> None:
    assert (await found(tmp_path / "kept.sqlite3", change)).code == code


class Failing(SqliteDatabase):
    """A database whose every answer is an error."""

    def __init__(self, path: Path, error: HermeticError) -> None:
        super().__init__(path)
        self.error = error

    async def read(self, sql: str, parameters: Sequence[Value] = ()) -> list[Row]:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unavailable("It is away."), "database.unreachable"),
        (BadConfiguration("It lets nobody in."), "database.refused"),
    ],
)
@pytest.mark.parametrize(("name", "tool"), [("sqlite main", "sqlite3"), ("postgresql", "p")])
async def test_the_remedy_is_for_the_kind_of_database(
    tmp_path: Path, error: HermeticError, code: str, name: str, tool: str
) -> None:
    told = await database.look(Failing(tmp_path / "kept.sqlite3", error), name)
    assert told.code == code
    assert (tool in told.remedy) is True
    assert ("psql" in told.remedy or "pg_isready" in told.remedy) is (name == "postgresql")
