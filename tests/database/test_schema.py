from pathlib import Path

from hermetic.database.schema import Migration, shipped
from hermetic.database.sqlite import SqliteDatabase

LETTERS = Migration(
    2, "letters", "CREATE TABLE letters (id INTEGER);\nCREATE TABLE stamps (id INTEGER);\n"
)


def test_each_number_of_what_we_ship_is_given_once_and_they_are_in_order() -> None:
    numbers = [migration.version for migration in shipped()]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 1


def test_statements_are_divided_at_semicolons_that_end_a_line() -> None:
    assert len(list(LETTERS.statements)) == 2


def test_a_migration_is_known_by_its_sql() -> None:
    assert LETTERS.digest == Migration(9, "other", LETTERS.sql).digest
    assert LETTERS.digest != Migration(2, "letters", LETTERS.sql + "\n").digest


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
