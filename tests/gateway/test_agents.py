"""Places that several share: how many there are, whose turn it is, and what becomes of who leaves."""

import asyncio

import pytest

from hermetic.gateway.agents import Agents, Places
from tests.support.waiting import until


async def waiting(places: Places) -> "asyncio.Task[None]":
    """Return somebody who waits for one of *places*."""
    task = asyncio.create_task(places.take())
    await until(lambda: True)
    return task


async def test_there_are_so_many_and_no_more() -> None:
    places = Places(2)
    assert [places.take_now() for _ in range(3)] == [True, True, False]
    places.free()
    assert places.take_now()


async def test_who_waited_longest_is_next() -> None:
    places = Places(1)
    await places.take()
    first, second = await waiting(places), await waiting(places)
    places.free()
    assert not places.take_now()  # nobody goes past who waits
    await first
    assert not second.done()
    places.free()
    await second


async def test_who_leaves_the_queue_takes_no_place() -> None:
    places = Places(1)
    await places.take()
    first, second = await waiting(places), await waiting(places)
    first.cancel()
    places.free()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    places.free()
    assert places.take_now()
    assert not places.take_now()


async def test_who_leaves_as_their_turn_comes_passes_it_on() -> None:
    places = Places(1)
    await places.take()
    first, second = await waiting(places), await waiting(places)
    places.free()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    places.free()
    assert places.take_now()


async def test_more_places_let_those_in_who_wait() -> None:
    places = Places(1)
    await places.take()
    first, second = await waiting(places), await waiting(places)
    places.resize(2)
    await first
    assert not second.done()
    places.resize(1)
    places.free()  # one of the two that are no longer both there
    await until(lambda: True)
    assert not second.done()
    places.free()
    await second


async def test_each_compute_has_its_own() -> None:
    agents = Agents()
    agents.allow("one", 1)
    agents.allow("pool", None)
    one, pool = agents.of("one"), agents.of("pool")
    assert one is not None
    assert pool is not None
    assert [one.take_now() for _ in range(2)] == [True, False]
    assert all(pool.take_now() for _ in range(1000))
    assert agents.of("other") is None


async def test_one_that_is_no_more_bounds_nobody() -> None:
    agents = Agents()
    agents.allow("one", 1)
    places = agents.of("one")
    assert places is not None
    await places.take()
    left = await waiting(places)
    agents.forget("one")
    await left
    assert agents.of("one") is None
    agents.forget("one")
