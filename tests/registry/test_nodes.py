import asyncio
from datetime import timedelta

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.registry.nodes import ComputeEntries
from hermetic.registry.revisions import Kind, Revisions

A, B, C = "https://a:12805", "https://10.0.0.1-9:12805", "https://c:12805"


@pytest.fixture
def entries(database: Database, clock: TurnedClock) -> ComputeEntries:
    return ComputeEntries(database, clock)


async def revision(database: Database) -> int:
    return (await Revisions(database).current())[Kind.NODES]


async def test_entries_stay_in_the_order_they_were_named_in(entries: ComputeEntries) -> None:
    await entries.replace([C, A, C])
    await entries.add([B, A, B])
    assert await entries.all() == [C, A, B]
    await entries.remove([A, "unknown"])
    assert await entries.all() == [C, B]
    await entries.replace([A])
    assert await entries.all() == [A]


async def test_entries_added_at_once_are_all_there(entries: ComputeEntries) -> None:
    every = [f"https://{number}:1" for number in range(10)]
    await asyncio.gather(*(entries.add([one]) for one in every))
    assert sorted(await entries.all()) == every


async def test_what_changes_is_counted_and_what_does_not_is_not(
    database: Database, entries: ComputeEntries
) -> None:
    await entries.add([A])
    await entries.replace([A, B])
    await entries.remove([B])
    await entries.seed([B])
    await entries.drain(A)
    await entries.undrain(A)
    assert await revision(database) == 6
    await entries.add([A])
    await entries.replace([A, B])
    await entries.remove([C])
    await entries.seed([B])
    await entries.undrain(A)
    assert await revision(database) == 6


async def test_what_a_settings_file_named_is_taken_over_once(entries: ComputeEntries) -> None:
    await entries.add([B])
    await entries.seed([A, B, A])
    assert await entries.all() == [B, A]
    await entries.remove([A, B])
    await entries.seed([A, B, C])
    assert await entries.all() == [C]


async def test_a_node_is_drained_from_the_first_time_on(
    entries: ComputeEntries, clock: TurnedClock
) -> None:
    began = clock.now
    await entries.drain(C)
    clock.advance(timedelta(minutes=1))
    await entries.drain(C)
    await entries.drain(A)
    assert list((await entries.draining()).items()) == [(C, began), (A, clock.now)]
    await entries.undrain(C)
    assert await entries.draining() == {A: clock.now}
