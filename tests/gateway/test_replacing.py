"""The root is replaced once all who verify trust the next."""

import pytest

from hermetic.errors import (
    Conflict,
)
from tests.support.certifying import DAY, HOUR, OLGA, Bench


async def test_the_next_root_waits_for_who_verifies(bench: Bench) -> None:
    account, silent = await bench.account(), await bench.account()
    await bench.books.enrolments.saw(silent.id, [])
    bench.clock.advance(DAY + HOUR)  # nobody heard of it since
    await bench.books.enrolments.saw(account.id, [await bench.trusted.newest()])
    assert (await bench.replacing.view(OLGA)).state == "steady"
    view = await bench.replacing.prepare(OLGA)
    assert (view.state, [one.id for one in view.waiting_for]) == ("prepared", [account.id])
    assert not await bench.replacing.go_on()
    await bench.books.enrolments.saw(account.id, sorted(await bench.trusted.fingerprints()))
    assert await bench.replacing.go_on()
    assert (await bench.replacing.view(OLGA)).state == "replaced"


async def test_the_former_root_goes_when_nobody_needs_it(bench: Bench) -> None:
    with pytest.raises(Conflict, match="only one"):
        await bench.replacing.retire(OLGA)
    await bench.replacing.prepare(OLGA)
    await bench.replacing.go_on()
    with pytest.raises(Conflict, match="within a day"):
        await bench.replacing.retire(OLGA)
    bench.clock.advance(DAY + HOUR)
    assert (await bench.replacing.retire(OLGA)).state == "steady"
    await bench.replacing.prepare(OLGA)
    await bench.replacing.go_on()
    assert (await bench.replacing.retire(OLGA, force=True)).state == "steady"
