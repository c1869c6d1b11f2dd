"""Leases: one holder at a time, and who slept past its own writes nothing more."""

import asyncio
from datetime import timedelta

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.errors import Conflict
from hermetic.registry.leases import Lease, Leases, refuse_without

LIFE = timedelta(seconds=30)


@pytest.fixture
def leases(database: Database, clock: TurnedClock) -> Leases:
    return Leases(database, clock)


async def allowed(database: Database, lease: Lease) -> bool:
    try:
        await database.write(lambda transaction: refuse_without(transaction, lease))
    except Conflict:
        return False
    return True


async def test_of_many_one_has_it(leases: Leases) -> None:
    found = await asyncio.gather(*(leases.take("api", f"{n}", LIFE) for n in range(8)))
    assert sum(one is not None for one in found) == 1


async def test_its_holder_keeps_it_and_others_take_over_when_it_has_ended(
    database: Database, leases: Leases, clock: TurnedClock
) -> None:
    first = await leases.take("api", "a", LIFE)
    assert first is not None
    clock.advance(LIFE / 2)
    kept = await leases.take("api", "a", LIFE)
    assert kept is not None
    assert (kept.token, kept.until) == (first.token, clock() + LIFE)
    assert await leases.take("api", "b", LIFE) is None
    clock.advance(LIFE)
    other = await leases.take("api", "b", LIFE)
    assert other is not None
    assert other.token == first.token + 1
    assert [await allowed(database, one) for one in (first, other)] == [False, True]
    assert await leases.take("api", "a", LIFE) is None


async def test_a_holder_that_overslept_and_was_not_replaced_goes_on(
    database: Database, leases: Leases, clock: TurnedClock
) -> None:
    first = await leases.take("api", "a", LIFE)
    clock.advance(10 * LIFE)
    again = await leases.take("api", "a", LIFE)
    assert first is not None
    assert again is not None
    assert again.token == first.token
    assert await allowed(database, first)


async def test_what_is_given_back_is_anothers_at_once(leases: Leases, clock: TurnedClock) -> None:
    first = await leases.take("api", "a", LIFE)
    assert first is not None
    await leases.release(first)
    clock.advance(timedelta(microseconds=1))
    assert await leases.take("api", "b", LIFE) is not None
    await leases.release(first)  # too late, and nothing happens
    assert await leases.take("api", "a", LIFE) is None


async def test_a_clock_that_was_set_back_bars_nobody_for_long(
    leases: Leases, clock: TurnedClock
) -> None:
    await leases.take("api", "a", LIFE)
    clock.advance(timedelta(days=-40))
    assert await leases.take("api", "b", LIFE) is not None


async def test_nobody_writes_under_a_lease_that_is_none(
    database: Database, clock: TurnedClock
) -> None:
    assert not await allowed(database, Lease("api", "a", 1, clock()))
