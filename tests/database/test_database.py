"""The contract every maker of a database connection is held to."""

import asyncio
import threading

import pytest

from hermetic.database.database import Database, Transaction
from hermetic.errors import Conflict

DEADLINE_S = 10


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


async def test_closing_twice_is_allowed(database: Database) -> None:
    await database.close()
    await database.close()
