"""What our authority does for others: only what a token says, and only so often."""

from datetime import timedelta

import pytest
from cryptography import x509

from hermetic.errors import (
    TooManyAttempts,
)
from hermetic.gateway.certifying import BUDGET, BUDGET_OF, SPREAD, profiles
from tests.support.certifying import DAY, HOUR, OLGA, Bench, refused


async def test_an_account_gets_what_its_token_says(bench: Bench) -> None:
    account = await bench.account("a.test", "10.0.0.1")
    order = await bench.certified(account, "A.TEST", "10.0.0.1")
    chain = await bench.certifying.chain(account, str(order.serial))
    names = x509.load_pem_x509_certificate(chain.encode())
    assert order.names == ("a.test", "10.0.0.1")
    assert f"{names.serial_number:x}" == order.serial
    assert f'"by": "enrolment {account.id}"' in bench.ledger.read_text()
    assert [one.id for one in await bench.certifying.orders(account)] == [order.id]


async def test_an_order_ends(bench: Bench) -> None:
    account = await bench.account()
    order = await bench.certifying.order(account, ["a.test"])
    bench.clock.advance(8 * DAY)
    assert await refused(bench.certifying.find(account, order.id)) == "malformed"


@pytest.mark.slow
async def test_too_many_orders_have_to_wait_as_long_as_is_needed(bench: Bench) -> None:
    account = await bench.account()
    for _ in range(BUDGET):
        await bench.certifying.order(account, ["a.test"])
    bench.clock.advance(HOUR)
    with pytest.raises(TooManyAttempts) as caught:
        await bench.certifying.order(account, ["a.test"])
    left = BUDGET_OF - HOUR
    assert left.total_seconds() <= caught.value.retry_after_s <= left.total_seconds() + 2
    bench.clock.advance(timedelta(seconds=caught.value.retry_after_s))
    await bench.certifying.order(account, ["a.test"])


async def test_what_a_replaced_root_signed_is_due_at_once(bench: Bench) -> None:
    account = await bench.account()
    order = await bench.certified(account)
    found = await bench.certifying.certified(int(str(order.serial), 16))
    assert found is not None
    window = await bench.certifying.window(found)
    assert window.start > bench.clock() + 12 * HOUR
    bench.clock.advance(HOUR)
    await bench.replacing.prepare(OLGA)
    await bench.replacing.go_on()
    window = await bench.certifying.window(found)
    now = bench.clock()
    assert now - timedelta(seconds=1) <= window.start <= now  # of all that time nothing is over
    assert window.end - window.start == SPREAD


async def test_profiles_are_the_roles() -> None:
    assert set(profiles()) == {"api", "compute", "authentication"}
