"""What we let ourselves ask of a public authority: never more than it allows, across restarts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock
from hermetic.errors import TooManyAttempts
from hermetic.issuers.acme.budget import ORDERS, SAME_NAMES, Spent, refuse_over_budget
from tests.support.acme import client, issued, requesting
from tests.support.acme_server import serving

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def over(spent: list[Spent], ordered: list[datetime] | None = None, at: datetime = NOW) -> int:
    """Return how long an order for `a` would have to wait, 0 if it need not."""
    try:
        refuse_over_budget("a", spent, ordered or [], at)
    except TooManyAttempts as error:
        return error.retry_after_s
    return 0


def test_five_a_week_are_enough_and_then_there_is_a_wait() -> None:
    spent = [Spent("a", NOW - n * DAY, 90 * DAY) for n in range(SAME_NAMES)]
    assert over(spent[1:]) == 0
    wait = timedelta(seconds=over(spent))
    assert wait == 3 * DAY
    assert over(spent, at=NOW + wait) == 0
    assert over([*spent[1:], Spent("b", NOW, 90 * DAY)]) == 0


@pytest.mark.parametrize("life", [160 * HOUR, DAY, 6 * HOUR])
def test_what_lives_for_hours_is_asked_for_as_often_as_it_needs(life: timedelta) -> None:
    spent: list[Spent] = []
    at = NOW
    while at < NOW + 30 * DAY:
        assert over(spent, at=at) == 0
        spent.append(Spent("a", at, life))
        at += life * 2 / 3


def test_a_loop_over_what_lives_for_a_day_ends() -> None:
    spent = [Spent("a", NOW, DAY)] * 40
    assert over(spent) > 0


def test_three_hundred_orders_in_three_hours_are_enough() -> None:
    ordered = [NOW - timedelta(seconds=n) for n in range(ORDERS)]
    assert over([], ordered[1:]) == 0
    assert 0 < over([], ordered) <= 3 * 3600
    assert over([], ordered, at=NOW + 3 * HOUR) == 0


def test_a_clock_that_was_set_back_bars_nobody() -> None:
    spent = [Spent("a", NOW + 40 * DAY, 90 * DAY)] * 10
    assert over(spent, [NOW + 40 * DAY] * 400) == 0


@pytest.mark.slow
async def test_a_public_server_is_asked_five_times_also_by_a_process_started_anew(
    tmp_path: Path,
) -> None:
    clock = TurnedClock(NOW)
    async with serving(clock) as server:
        for _ in range(SAME_NAMES):
            await issued(client(server, clock, tmp_path, limited=True))
        with pytest.raises(TooManyAttempts, match="same names"):
            await issued(client(server, clock, tmp_path, limited=True))
        assert server.count("neworder") == SAME_NAMES
        # other names, and a server of one's own
        await client(server, clock, tmp_path, limited=True).issue(requesting(["b.test"]), Role.API)
        await issued(client(server, clock, tmp_path))
        clock.advance(8 * DAY)
        await issued(client(server, clock, tmp_path, limited=True))


@pytest.mark.slow
async def test_a_renewal_that_says_what_it_replaces_is_not_counted(tmp_path: Path) -> None:
    clock = TurnedClock(NOW)
    async with serving(clock) as server:
        server.window = NOW, NOW + DAY
        chain = await issued(client(server, clock, tmp_path, limited=True))
        for _ in range(SAME_NAMES + 3):
            issuer = client(server, clock, tmp_path, limited=True)
            chain = await issued(issuer, replacing=chain)
