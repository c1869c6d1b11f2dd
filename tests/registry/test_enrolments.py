"""Tokens and accounts in the database: one token, one account, at one authority."""

import asyncio
import json
from datetime import timedelta

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.errors import Conflict
from hermetic.registry.enrolments import Enrolment, Enrolments, SpentNonces

HOUR = timedelta(hours=1)


@pytest.fixture
def enrolments(database: Database, clock: TurnedClock) -> Enrolments:
    return Enrolments(database, "one", clock)


def token(clock: TurnedClock, id_: str = "a") -> Enrolment:
    now = clock()
    return Enrolment(id_, ("api", "compute"), ("a.test", "10.0.0.1"), "olga", now, now + HOUR)


async def test_a_token_is_kept_as_it_was_given(enrolments: Enrolments, clock: TurnedClock) -> None:
    await enrolments.add(token(clock))
    assert await enrolments.find("a") == token(clock)
    assert await enrolments.all() == [token(clock)]
    assert await enrolments.find("b") is None


async def test_of_many_who_use_it_at_once_one_has_it(
    enrolments: Enrolments, clock: TurnedClock
) -> None:
    await enrolments.add(token(clock))
    done = await asyncio.gather(*(enrolments.redeem("a", f"key {n}", []) for n in range(8)))
    assert sorted(done) == [False] * 7 + [True]
    found = await enrolments.find("a")
    assert found is not None
    assert found.joined_at == clock()
    assert await enrolments.find_key(str(found.account_key)) == found


async def test_what_is_late_or_was_taken_back_is_no_account(
    enrolments: Enrolments, clock: TurnedClock
) -> None:
    await enrolments.add(token(clock))
    await enrolments.add(token(clock, "b"))
    assert await enrolments.end("b")
    assert not await enrolments.end("b")
    assert not await enrolments.redeem("b", "key", [])
    clock.advance(HOUR + timedelta(seconds=1))
    assert not await enrolments.redeem("a", "key", [])


async def test_a_key_is_of_one_account(enrolments: Enrolments, clock: TurnedClock) -> None:
    for id_ in "ab":
        await enrolments.add(token(clock, id_))
    assert await enrolments.redeem("a", "key", ["mailto:a@example.com"])
    with pytest.raises(Conflict):
        await enrolments.redeem("b", "key", [])
    assert await enrolments.redeem("b", "other", [])
    with pytest.raises(Conflict):
        await enrolments.change_key("b", "other", "key")
    assert not await enrolments.change_key("b", "not its key", "third")
    assert await enrolments.change_key("b", "other", "third")


async def test_another_authority_beside_the_same_database_has_its_own(
    database: Database, enrolments: Enrolments, clock: TurnedClock
) -> None:
    other = Enrolments(database, "other", clock)
    await enrolments.add(token(clock))
    assert await other.find("a") is None
    assert not await other.redeem("a", "key", [])
    assert not await other.end("a")
    assert await other.all() == []


async def test_who_speaks_is_noted_with_what_it_trusts(
    enrolments: Enrolments, clock: TurnedClock
) -> None:
    await enrolments.add(token(clock))
    await enrolments.saw("a", ["f1", "f2"])
    await enrolments.set_contact("a", ["mailto:x@example.com"])
    found = await enrolments.find("a")
    assert found is not None
    assert (found.seen_at, found.holds) == (clock(), ("f1", "f2"))
    assert json.dumps(found.contact) == '["mailto:x@example.com"]'


async def test_a_nonce_is_spent_once_and_forgotten_when_it_has_ended(
    database: Database, clock: TurnedClock
) -> None:
    nonces = SpentNonces(database, clock)
    until = clock() + HOUR
    done = await asyncio.gather(*(nonces.spend("n", until) for _ in range(5)))
    assert sorted(done) == [False] * 4 + [True]
    clock.advance(2 * HOUR)
    assert await nonces.spend("m", clock() + HOUR)
    assert len(await database.read("SELECT nonce FROM spent_nonces")) == 1
