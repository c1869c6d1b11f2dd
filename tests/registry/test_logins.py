import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.registry.logins import Login, Logins

DAY = timedelta(days=1)


@pytest.fixture
def logins(database: SqliteDatabase, clock: TurnedClock) -> Logins:
    return Logins(database, clock)


@pytest.fixture
def login(clock: TurnedClock) -> Login:
    return Login("1", "chain", "anna", clock.now, clock.now + 14 * DAY, clock.now + 90 * DAY)


async def test_a_login_is_found_by_the_digest_of_its_refresh_token(
    logins: Logins, login: Login
) -> None:
    await logins.add(login, "digest")
    assert await logins.find("digest") == (login, True)
    assert await logins.find("another") is None


async def test_alive_is_what_was_given_out_lately_and_not_ended(
    logins: Logins, login: Login, clock: TurnedClock
) -> None:
    old = replace(login, id="0", issued_at=clock.now - 2 * DAY)
    other = replace(login, id="2", chain="other")
    for number, one in enumerate((old, login, other)):
        await logins.add(one, str(number))
    await logins.end_chain("other")
    assert await logins.alive(since=clock.now - DAY) == [login]


async def test_a_successor_ends_the_one_before(logins: Logins, login: Login) -> None:
    await logins.add(login, "old")
    new = replace(login, id="2")
    assert await logins.succeed(login, new, "new")
    assert await logins.find("old") == (login, False)
    assert await logins.find("new") == (new, True)


async def test_of_two_successors_only_one_is_kept(logins: Logins, login: Login) -> None:
    await logins.add(login, "old")
    both = await asyncio.gather(
        logins.succeed(login, replace(login, id="2"), "two"),
        logins.succeed(login, replace(login, id="3"), "three"),
    )
    assert sorted(both) == [False, True]
    found = [await logins.find("two"), await logins.find("three")]
    assert found.count(None) == 1


async def test_all_logins_of_one_principal_end_together(logins: Logins, login: Login) -> None:
    await logins.add(login, "a")
    await logins.add(replace(login, id="2", chain="other"), "b")
    await logins.add(replace(login, id="3", principal="bert"), "c")
    assert sorted(await logins.end_all("anna")) == ["1", "2"]
    bert = await logins.find("c")
    assert bert is not None
    assert bert[1]


async def test_what_nobody_can_refresh_is_forgotten(
    logins: Logins, login: Login, clock: TurnedClock
) -> None:
    await logins.add(login, "old")
    clock.advance(14 * DAY)
    later = replace(login, id="2", refresh_until=clock.now + DAY)
    await logins.add(later, "new")
    assert await logins.find("old") is None
    assert await logins.find("new") is not None


async def test_the_oldest_pair_of_a_principal_ends_when_there_are_too_many(
    database: SqliteDatabase, clock: TurnedClock, login: Login
) -> None:
    logins = Logins(database, clock, most=2)
    later = [replace(login, id=str(n), issued_at=clock.now + n * DAY / 100) for n in (2, 3)]
    other = replace(login, id="other", principal="bert")
    assert [await logins.add(one, one.id) for one in (login, other, later[0])] == [[], [], []]
    assert await logins.add(later[1], "3") == ["1"]
    assert await logins.find("1") is None
    assert {one.id for one in await logins.alive(since=clock.now - DAY)} == {"other", "2", "3"}


async def test_pairs_that_ended_are_forgotten_before_those_that_live(
    database: SqliteDatabase, clock: TurnedClock, login: Login
) -> None:
    logins = Logins(database, clock, most=3)
    await logins.add(replace(login, id="living", chain="other"), "living")
    for number in range(10):
        old, new = replace(login, id=str(number)), replace(login, id=str(number + 1))
        if number == 0:
            await logins.add(old, "0")
        assert await logins.succeed(old, new, str(number + 1))
    assert await logins.find("living") is not None
    assert [(await logins.find(str(n))) is None for n in (7, 8, 9, 10)] == [
        True,
        True,
        False,
        False,
    ]
