import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.registry.logins import TOLD_FOR, Login, LoginChange, Logins
from hermetic.registry.revisions import Kind, Revisions

DAY = timedelta(days=1)


@pytest.fixture
def logins(database: Database, clock: TurnedClock) -> Logins:
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
    database: Database, clock: TurnedClock, login: Login
) -> None:
    logins = Logins(database, clock, most=2)
    later = [replace(login, id=str(n), issued_at=clock.now + n * DAY / 100) for n in (2, 3)]
    other = replace(login, id="other", principal="bert")
    assert [await logins.add(one, one.id) for one in (login, other, later[0])] == [[], [], []]
    assert await logins.add(later[1], "3") == ["1"]
    assert await logins.find("1") == (login, False)
    assert {one.id for one in await logins.alive(since=clock.now - DAY)} == {"other", "2", "3"}


async def test_of_pairs_given_out_at_once_the_first_ends(
    database: Database, clock: TurnedClock, login: Login
) -> None:
    logins = Logins(database, clock, most=2)
    ended = [await logins.add(replace(login, id=one), one) for one in "zaym"]
    assert ended == [[], [], ["z"], ["a"]]


async def test_pairs_that_ended_are_forgotten_once_every_node_knows(
    database: Database, clock: TurnedClock, login: Login
) -> None:
    logins = Logins(database, clock, most=3)
    await logins.add(replace(login, id="living", chain="other"), "living")
    await logins.add(replace(login, id="0"), "0")
    for number in range(10):
        old, new = replace(login, id=str(number)), replace(login, id=str(number + 1))
        assert await logins.succeed(old, new, str(number + 1))
    numbers = [str(number) for number in range(11)]
    assert all([await logins.find(one) for one in numbers])
    clock.advance(TOLD_FOR)
    await logins.succeed(replace(login, id="10"), replace(login, id="11"), "11")
    assert [one for one in numbers if await logins.find(one)] == ["7", "8", "9", "10"]
    assert await logins.find("living") is not None


async def test_what_was_given_out_or_ended_since_is_told(logins: Logins, login: Login) -> None:
    def change(login_id: str, *, is_alive: bool) -> LoginChange:
        return LoginChange(login_id, "anna", login.issued_at, is_alive)

    await logins.add(login, "a")
    assert await logins.changed(0) == [change("1", is_alive=True)]
    await logins.succeed(login, replace(login, id="2"), "b")
    assert await logins.changed(2) == []
    changed = await logins.changed(1)
    assert sorted(changed, key=lambda one: one.id) == [
        change("1", is_alive=False),
        change("2", is_alive=True),
    ]
    await logins.end_chain("chain")
    assert await logins.changed(2) == [change("2", is_alive=False)]


async def test_a_pair_that_had_to_end_is_told_too(
    database: Database, clock: TurnedClock, login: Login
) -> None:
    logins = Logins(database, clock, most=1)
    await logins.add(login, "a")
    await logins.add(replace(login, id="2"), "b")
    told = {one.id: one.is_alive for one in await logins.changed(1)}
    assert told == {"1": False, "2": True}


async def test_what_changes_nothing_has_no_revision(
    database: Database, logins: Logins, login: Login
) -> None:
    await logins.add(login, "a")
    await logins.end_all("anna")
    assert not await logins.succeed(login, replace(login, id="2"), "b")
    assert await logins.end_all("anna") == ["1"]
    assert await logins.end_chain("missing") == []
    assert (await Revisions(database).current())[Kind.LOGINS] == 2
