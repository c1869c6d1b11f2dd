"""Orders at our authority, what was certified for them and what was taken back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.errors import Conflict
from hermetic.registry.orders import Certified, Order, Orders, Revocation

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def orders(database: Database, clock: TurnedClock) -> Orders:
    return Orders(database, "one", clock)


def order(clock: TurnedClock, id_: str = "o", replaces: str = "") -> Order:
    return Order(id_, "anna", "api", ("a.test",), replaces, clock(), clock() + HOUR)


def certified(clock: TurnedClock, serial: str = "ab") -> Certified:
    now = clock()
    return Certified(serial, "anna", "api", ("a.test",), now, now + DAY, "the chain")


async def test_an_order_is_fulfilled_once(orders: Orders, clock: TurnedClock) -> None:
    await orders.add(order(clock))
    assert await orders.find("o") == order(clock)
    assert await orders.find("p") is None
    assert await orders.fulfil("o", certified(clock))
    assert not await orders.fulfil("o", certified(clock, "cd"))
    assert await orders.find("o") == replace(order(clock), serial="ab")
    assert await orders.certified("ab") == certified(clock)
    assert await orders.certified("cd") is None
    assert await orders.of("anna", most=10) == [replace(order(clock), serial="ab")]
    assert await orders.of("bert", most=10) == []


async def test_a_certificate_is_replaced_by_one_order(orders: Orders, clock: TurnedClock) -> None:
    await orders.add(order(clock))
    await orders.fulfil("o", certified(clock))
    await orders.add(order(clock, "p", replaces="ab"))
    with pytest.raises(Conflict, match="replaces"):
        await orders.add(order(clock, "q", replaces="ab"))
    with pytest.raises(Conflict):
        await orders.add(order(clock, "r", replaces="unknown"))
    assert await orders.find("q") is None


async def test_orders_are_counted_from_a_moment_on(orders: Orders, clock: TurnedClock) -> None:
    begun = clock()
    for number in range(3):
        await orders.add(order(clock, f"{number}"))
        clock.advance(HOUR)
    assert await orders.ordered_since("anna", begun + HOUR) == [begun + HOUR, begun + 2 * HOUR]


async def test_what_was_revoked_is_listed_until_it_has_ended(
    database: Database, orders: Orders, clock: TurnedClock
) -> None:
    now = clock()
    one, other = Revocation("ab", now, 1, now + HOUR), Revocation("cd", now, 4, now + DAY)
    assert await orders.revoke([one, other]) == 2
    assert await orders.revoke([replace(one, reason=5)]) == 0
    assert await orders.revoked() == [one, other]
    assert await Orders(database, "other", clock).revoked() == []
    clock.advance(2 * HOUR)
    assert await orders.revoked() == [other]


async def test_what_has_ended_is_forgotten(orders: Orders, clock: TurnedClock) -> None:
    await orders.add(order(clock))
    await orders.fulfil("o", certified(clock))
    assert [one.serial for one in await orders.certified_for("anna")] == ["ab"]
    clock.advance(2 * DAY)
    assert await orders.certified_for("anna") == []
    await orders.sweep(clock())
    assert await orders.find("o") is None
    assert await orders.certified("ab") is None
