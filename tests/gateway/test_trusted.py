"""Whom to trust because of our authority."""

from datetime import timedelta

from tests.support.certifying import DAY, HOUR, OLGA, Bench


async def test_lists_are_signed_anew_when_something_was_revoked_and_each_hour(bench: Bench) -> None:
    assert await bench.trusted.revocation_lists() == ()
    assert (await bench.trusted.told())["revocationLists"] == []
    account = await bench.account()
    await bench.certified(account)
    await bench.joining.expel(OLGA, account.id)
    first = await bench.trusted.revocation_lists()
    assert await bench.trusted.revocation_lists() is first
    bench.clock.advance(HOUR + timedelta(seconds=1))
    later = await bench.trusted.revocation_lists()
    assert later is not first
    assert list(await bench.trusted.lists())


async def test_lists_are_kept_up_when_nothing_is_on_them_any_more(bench: Bench) -> None:
    """Whoever has one refuses everybody once it has ended."""
    account = await bench.account()
    await bench.certified(account)
    await bench.joining.expel(OLGA, account.id)
    bench.clock.advance(30 * DAY)
    await bench.books.orders.sweep(bench.clock())
    (found,) = await bench.trusted.revocation_lists()
    assert len(found) == 0
    assert found.next_update_utc is not None
    assert found.next_update_utc > bench.clock() + 2 * DAY
