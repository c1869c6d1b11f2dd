"""What every maker of `Database` is held to."""

import asyncio
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from hermetic.database.connection_string import ConnectionParameters
from hermetic.database.database import Database, Transaction
from hermetic.database.postgresql import PostgresDatabase
from hermetic.database.schema import Migration, shipped
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import BadConfiguration, Conflict, HermeticError, Unavailable
from tests.support.database_writer import NUMBERS
from tests.support.postgresql import uri

ROOT = Path(__file__).parents[2]
DEADLINE_S = 30

NOTES = Migration(
    1,
    "notes",
    "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, text TEXT, size REAL, data BLOB);\n",
)
LETTERS = Migration(2, "letters", "CREATE TABLE letters (id INTEGER);\n")

Opening = Callable[..., Database]
"""Returns the same database once more, with the migrations given, as another process would."""


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Path | ConnectionParameters:
    """Where an empty database of each maker is."""
    if request.param == "sqlite":
        return tmp_path / "db"
    reach: ConnectionParameters = request.getfixturevalue("reach")
    return reach


@pytest.fixture
def opening(where: Path | ConnectionParameters) -> Opening:
    if isinstance(where, Path):
        return lambda *known: SqliteDatabase(where, migrations=known or [NOTES])
    return lambda *known: PostgresDatabase(where, migrations=known or [NOTES])


@pytest.fixture
async def database(opening: Opening) -> AsyncIterator[Database]:
    database = opening()
    await database.open()
    yield database
    await database.close()


def note(text: str, number: int | None = None) -> "Note":
    return Note(text, number)


class Note:
    """One insertion, as a change to be written."""

    def __init__(self, text: str, number: int | None) -> None:
        self.values = (number, text)

    def __call__(self, transaction: Transaction) -> int:
        return transaction.change("INSERT INTO notes (id, text) VALUES (?, ?)", self.values)


async def texts(database: Database) -> list[str]:
    return [row["text"] for row in await database.read("SELECT text FROM notes ORDER BY id")]


async def test_what_was_written_can_be_read(database: Database) -> None:
    assert await database.write(note("one", 1)) == 1
    assert await texts(database) == ["one"]


async def test_a_transaction_sees_its_own_changes(database: Database) -> None:
    def change(transaction: Transaction) -> int:
        note("one", 1)(transaction)
        return len(transaction.rows("SELECT id FROM notes"))

    assert await database.write(change) == 1


async def test_a_change_that_raises_changes_nothing(database: Database) -> None:
    def change(transaction: Transaction) -> None:
        note("one", 1)(transaction)
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(change)
    assert await texts(database) == []


async def test_a_row_that_exists_already_is_a_conflict(database: Database) -> None:
    await database.write(note("one", 1))
    with pytest.raises(Conflict):
        await database.write(note("another", 1))
    assert await texts(database) == ["one"]


async def test_a_conflict_can_be_caught_within_the_transaction(database: Database) -> None:
    await database.write(note("one", 1))

    def change(transaction: Transaction) -> str:
        try:
            note("another", 1)(transaction)
        except Conflict:
            return "told"
        return "not told"

    assert await database.write(change) == "told"


async def test_the_event_loop_goes_on_while_a_change_takes_its_time(database: Database) -> None:
    loop_went_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def change(transaction: Transaction) -> None:
        asyncio.run_coroutine_threadsafe(set_event(), loop).result(DEADLINE_S)
        note("one", 1)(transaction)

    async def set_event() -> None:
        loop_went_on.set()

    await asyncio.wait_for(database.write(change), DEADLINE_S)
    assert loop_went_on.is_set()


async def test_reading_does_not_wait_for_a_change_under_way(database: Database) -> None:
    await database.write(note("before", 1))
    loop = asyncio.get_running_loop()

    def change(transaction: Transaction) -> list[str]:
        note("not yet", 2)(transaction)
        return asyncio.run_coroutine_threadsafe(texts(database), loop).result(DEADLINE_S)

    assert await asyncio.wait_for(database.write(change), DEADLINE_S) == ["before"]
    assert await texts(database) == ["before", "not yet"]


async def test_changes_asked_for_together_are_made_one_after_the_other(
    database: Database,
) -> None:
    def count_and_add(transaction: Transaction) -> int:
        rows = transaction.rows("SELECT COUNT(*) AS many FROM notes")
        many: int = rows[0]["many"]
        note("x", many + 1)(transaction)
        return many

    seen = await asyncio.gather(*(database.write(count_and_add) for _ in range(20)))
    assert sorted(seen) == list(range(20))


async def test_a_cancelled_caller_does_not_stop_the_next(database: Database) -> None:
    begun, left = threading.Event(), threading.Event()

    def change(transaction: Transaction) -> None:
        begun.set()
        left.wait(DEADLINE_S)
        note("one", 1)(transaction)

    writing = asyncio.ensure_future(database.write(change))
    await asyncio.to_thread(begun.wait, DEADLINE_S)
    writing.cancel()
    left.set()
    await database.write(note("two", 2))
    assert "two" in await texts(database)


async def test_after_a_conflict_the_transaction_goes_on(database: Database) -> None:
    await database.write(note("one", 1))

    def change(transaction: Transaction) -> None:
        note("two", 2)(transaction)
        with pytest.raises(Conflict):
            note("another", 1)(transaction)
        note("three", 3)(transaction)

    await database.write(change)
    assert await texts(database) == ["one", "two", "three"]


@pytest.mark.parametrize(("number", "size"), [(2**63 - 1, 1.5), (-(2**63), None), (0, 1e300)])
async def test_numbers_come_back_as_they_were(
    database: Database, number: int, size: float | None
) -> None:
    statement = "INSERT INTO notes (id, size) VALUES (?, ?)"
    await database.write(lambda transaction: transaction.change(statement, (number, size)))
    (row,) = await database.read("SELECT id, size FROM notes")
    assert (row["id"], row["size"]) == (number, size)


@pytest.mark.parametrize("data", [b"", b"\0\xff'?$1%s\\", bytes(range(256)) * 5000])
async def test_bytes_come_back_as_they_were(database: Database, data: bytes) -> None:
    statement = "INSERT INTO notes (id, data) VALUES (?, ?)"
    await database.write(lambda transaction: transaction.change(statement, (1, data)))
    assert (await database.read("SELECT data FROM notes"))[0]["data"] == data


async def test_text_comes_back_as_it_was(database: Database) -> None:
    text = "ä 猫 '?' %s $1 \\ \n\t; -- "
    await database.write(note(text, 1))
    assert await texts(database) == [text]
    found = await database.read("SELECT id FROM notes WHERE text = ? AND text <> '?'", (text,))
    assert [row["id"] for row in found] == [1]


async def test_text_is_sorted_by_its_bytes(database: Database) -> None:
    for number, text in enumerate(["b", "_", "A", "ä", "a", "B", "-"]):
        await database.write(note(text, number))
    rows = await database.read("SELECT text FROM notes ORDER BY text")
    assert [row["text"] for row in rows] == ["-", "A", "B", "_", "a", "b", "ä"]


async def test_a_mistake_of_ours_is_nobody_elses(database: Database) -> None:
    def change(transaction: Transaction) -> None:
        note("one", 1)(transaction)
        transaction.rows("SELECT * FROM missing")

    with pytest.raises(HermeticError, match="missing") as caught:
        await database.write(change)
    assert type(caught.value) is HermeticError
    assert await texts(database) == []


async def test_a_closed_database_says_that_the_node_stops(database: Database) -> None:
    await database.close()
    with pytest.raises(Unavailable, match="closed"):
        await database.read("SELECT 1")
    with pytest.raises(Unavailable, match="closed"):
        await database.write(note("one", 1))


async def opened_and_closed(opening: Opening, *known: Migration) -> None:
    database = opening(*known)
    await database.open()
    await database.close()


async def test_an_older_database_is_brought_up_to_date(opening: Opening) -> None:
    await opened_and_closed(opening, NOTES)
    database = opening(NOTES, LETTERS)
    await database.open()
    assert await database.read("SELECT * FROM letters") == []
    await database.close()


async def test_a_step_that_was_left_out_is_taken_later(opening: Opening) -> None:
    later = Migration(3, "later", "CREATE TABLE later (id INTEGER);\n")
    await opened_and_closed(opening, NOTES, later)
    for _ in range(2):
        await opened_and_closed(opening, NOTES, LETTERS, later)


async def test_of_several_that_open_it_at_once_each_finds_it_whole(opening: Opening) -> None:
    several = [opening(NOTES, LETTERS) for _ in range(4)]
    await asyncio.gather(*(database.open() for database in several))
    for number, database in enumerate(several):
        await database.write(note("x", number))
    assert await texts(several[0]) == ["x"] * 4
    for database in several:
        await database.close()


async def test_a_newer_database_is_refused(opening: Opening) -> None:
    await opened_and_closed(opening, NOTES, LETTERS)
    with pytest.raises(BadConfiguration, match=r"form 2, and this version of Hermetic knows .* 1"):
        await opened_and_closed(opening, NOTES)


async def test_a_migration_that_was_edited_is_refused(opening: Opening) -> None:
    await opened_and_closed(opening, NOTES)
    with pytest.raises(BadConfiguration, match="not the one this version ships"):
        await opened_and_closed(
            opening, Migration(1, "notes", "CREATE TABLE other (id INTEGER);\n")
        )


async def test_a_migration_that_fails_half_way_leaves_nothing(opening: Opening) -> None:
    sql = "CREATE TABLE half (id INTEGER);\nCREATE TABLE notes (id INTEGER);\n"
    with pytest.raises(HermeticError, match="notes"):
        await opened_and_closed(opening, NOTES, Migration(2, "broken", sql))
    whole = Migration(2, "whole", "CREATE TABLE half (id INTEGER);\n")
    await opened_and_closed(opening, NOTES, whole)


async def test_the_tables_we_ship_can_be_made(opening: Opening) -> None:
    database = opening(*shipped())
    await database.open()
    assert await database.write(lambda it: it.rows("SELECT * FROM services")) == []
    await database.close()


async def test_closing_twice_is_allowed(database: Database) -> None:
    await database.close()
    await database.close()


async def test_what_was_acknowledged_before_kill_9_is_there_after(
    where: Path | ConnectionParameters, opening: Opening
) -> None:
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.support.database_writer"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write(f"{where if isinstance(where, Path) else uri(where)}\n".encode())
    lines = [await asyncio.wait_for(writer.stdout.readline(), DEADLINE_S) for _ in range(50)]
    writer.send_signal(signal.SIGKILL)
    lines += (await writer.stdout.read()).splitlines()
    await writer.wait()
    acknowledged = [int(line) for line in lines]
    database = opening(NUMBERS)
    await database.open()
    rows = await database.read("SELECT id FROM numbers ORDER BY id")
    await database.close()
    kept = [row["id"] for row in rows]
    assert kept[: len(acknowledged)] == acknowledged
    assert len(kept) <= len(acknowledged) + 1
