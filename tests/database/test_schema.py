from pathlib import Path

import pytest

from hermetic.database.database import Transaction
from hermetic.database.schema import Migration, shipped
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import BadConfiguration, HermeticError
from tests.database.conftest import NOTES

LETTERS = Migration(
    2, "letters", "CREATE TABLE letters (id INTEGER);\nCREATE TABLE stamps (id INTEGER);\n"
)


async def open_and_close(path: Path, *migrations: Migration) -> None:
    database = SqliteDatabase(path, migrations=migrations)
    await database.open()
    await database.close()


async def tables(path: Path, *migrations: Migration) -> set[str]:
    database = SqliteDatabase(path, migrations=migrations)
    await database.open()
    rows = await database.read("SELECT name FROM sqlite_master WHERE type = 'table'")
    await database.close()
    return {row["name"] for row in rows}


def test_what_we_ship_is_numbered_without_gaps() -> None:
    assert [migration.version for migration in shipped()] == list(range(1, len(shipped()) + 1))


def test_statements_are_divided_at_semicolons_that_end_a_line() -> None:
    assert len(list(LETTERS.statements)) == 2


async def test_an_older_database_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "db"
    await open_and_close(path, NOTES)
    assert {"notes", "letters", "stamps"} <= await tables(path, NOTES, LETTERS)


async def test_a_migration_is_applied_once(tmp_path: Path) -> None:
    path = tmp_path / "db"
    for _ in range(2):
        await open_and_close(path, NOTES, LETTERS)


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db"
    await open_and_close(path, NOTES, LETTERS)
    with pytest.raises(BadConfiguration, match=r"form 2, and this version of Hermetic knows .* 1"):
        await open_and_close(path, NOTES)


async def test_a_migration_that_was_edited_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db"
    await open_and_close(path, NOTES)
    with pytest.raises(BadConfiguration, match="not the one this version ships"):
        await open_and_close(path, Migration(1, "notes", "CREATE TABLE other (id INTEGER);\n"))


async def test_a_migration_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "db"
    broken = Migration(2, "broken", "CREATE TABLE half (id INTEGER);\nCREATE TABLE notes (id);\n")
    with pytest.raises(HermeticError, match="notes"):
        await open_and_close(path, NOTES, broken)
    assert "half" not in await tables(path, NOTES)


async def test_the_tables_we_ship_can_be_made(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "db")
    await database.open()

    def count(transaction: Transaction) -> int:
        return len(transaction.rows("SELECT * FROM services"))

    assert await database.write(count) == 0
    await database.close()


async def test_a_session_from_before_there_were_nodes_is_on_this_machine(tmp_path: Path) -> None:
    older = SqliteDatabase(tmp_path / "db", migrations=shipped()[:1])
    await older.open()
    await older.write(
        lambda transaction: transaction.change(
            "INSERT INTO sessions (id, owner, runtime, created_at) VALUES (?, ?, ?, ?)",
            ("1", "anna", "Python", "2026-11-22T12:00:00.000000Z"),
        )
    )
    await older.close()
    newer = SqliteDatabase(tmp_path / "db")
    await newer.open()
    assert [row["node"] for row in await newer.read("SELECT * FROM sessions")] == [""]
    await newer.close()
