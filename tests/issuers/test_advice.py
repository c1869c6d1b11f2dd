"""What an issuer suggests moves a renewal, and keeps none from coming (RFC 9773)."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.renewal import Window
from hermetic.errors import (
    TooManyAttempts,
    Unreachable,
)
from hermetic.issuers.issuer import Suggestion
from tests.support.renewing import DAY, HOUR, MINUTE, NOW, Bench, Memory


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def suggestion(start: timedelta, end: timedelta, again: timedelta = 6 * HOUR) -> Suggestion:
    return Suggestion(Window(NOW + start, NOW + end), NOW + again)


async def test_a_window_that_is_suggested_wins(bench: Bench) -> None:
    bench.issuer.suggestion = suggestion(4 * HOUR, 5 * HOUR)
    renewal = bench.renewal(luck=0.5)
    async with bench.running(renewal):
        await bench.turn(MINUTE)
        assert renewal.next_at == NOW + 4.5 * HOUR
        await bench.turn(4 * HOUR)
        assert len(bench.issuer.asked) == 1
        await bench.turn(HOUR)
        assert len(bench.issuer.asked) == 2
        assert bench.issuer.replaced[0] is None
        assert bench.issuer.replaced[1] is not None


async def test_an_emergency_is_seen_within_one_poll(bench: Bench) -> None:
    bench.issuer.suggestion = suggestion(16 * HOUR, 17 * HOUR, again=2 * HOUR)
    async with bench.running(bench.renewal()):
        await bench.turn(HOUR)
        bench.issuer.suggestion = suggestion(-2 * HOUR, -HOUR, again=8 * HOUR)
        await bench.turn(HOUR + MINUTE)
        await bench.turn(MINUTE)
        assert len(bench.issuer.asked) == 2


@pytest.mark.parametrize(
    "told",
    [
        Unreachable("It does not answer."),
        TooManyAttempts("Patience.", 7200),
        suggestion(5 * HOUR, 4 * HOUR),
        suggestion(900 * DAY, 901 * DAY),
        None,
    ],
    ids=["out of reach", "limited", "upside down", "far future", "none"],
)
async def test_no_suggestion_keeps_a_renewal_from_coming(
    bench: Bench, told: Suggestion | Exception | None
) -> None:
    bench.issuer.suggestion = told
    async with bench.running(bench.renewal()) as renewal:
        for _ in range(23 * 6):
            await bench.turn(10 * MINUTE)
        assert len(bench.issuer.asked) == 2
        assert renewal.standing.failures == 0


async def test_a_server_that_finds_everything_overdue_is_not_stormed(bench: Bench) -> None:
    bench.issuer.suggestion = suggestion(-2 * DAY, -DAY, again=900 * DAY)
    async with bench.running(bench.renewal()):
        for _ in range(24 * 6):
            await bench.turn(10 * MINUTE)
    # A fiftieth of a day lies between two of them at least.
    assert len(bench.issuer.asked) <= 51


@pytest.mark.slow
@pytest.mark.parametrize("outage", [False, True])
@pytest.mark.parametrize("hours", [160, 45 * 24, 64 * 24, 90 * 24, 398 * 24])
async def test_a_year_passes_without_an_expiry_or_a_wasted_order(
    tmp_path: Path, hours: int, outage: bool, show: Callable[[str], None]
) -> None:
    """RFC 9773's window, as Boulder suggests it: 2 % of the life at two thirds, or at the half."""
    life = hours * HOUR
    bench = Bench(tmp_path, life=life)
    at = 0.5 if life < 10 * DAY else 2 / 3
    down = (100 * DAY, 100 * DAY + (3 * DAY if life < 10 * DAY else 14 * DAY))
    memory = Memory()
    renewal = bench.renewal(store=memory, luck=0.5)
    begun, expired = bench.clock.now, 0
    async with bench.running(renewal):
        while (past := bench.clock.now - begun) < 365 * DAY:
            chain = memory.read("api").chain
            middle = chain.not_before + life * at
            window = Window(middle - life / 100, middle + life / 100)
            bench.issuer.suggestion = Suggestion(window, bench.clock.now + 6 * HOUR)
            is_down = outage and down[0] <= past < down[1]
            bench.issuer.failing = Unreachable("It is down.") if is_down else None
            expired += chain.not_after < bench.clock.now
            await bench.turn(HOUR)
    ideal = 365 * DAY / (life * at)
    made = len(memory.written)
    show(f"a year of {hours} h: {made} certificates, ideally {ideal:.1f}")
    assert not expired
    assert made <= 1 + ideal * 1.05
