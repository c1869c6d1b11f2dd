"""When a renewal that failed is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from hermetic.certificates.trouble import Trouble, retry_after
from tests.support.renewing import DAY, HOUR, MINUTE, SECOND


@pytest.mark.parametrize("left", [None, 90 * DAY, DAY, HOUR, MINUTE, SECOND, -DAY])
@pytest.mark.parametrize("luck", [0.0, 1.0])
def test_no_wait_takes_more_than_an_eighth_of_what_is_left(
    left: timedelta | None, luck: float
) -> None:
    for failures in range(1, 50):
        wait = retry_after(failures, left=left, luck=luck)
        assert 5 * SECOND <= wait <= 15 * MINUTE
        assert left is None or wait <= max(left / 8, 10 * SECOND)


def test_what_the_issuer_asked_for_is_waited_for() -> None:
    assert retry_after(1, left=MINUTE, luck=0.0, asked=2 * HOUR) == 2 * HOUR


def test_a_clock_that_was_set_back_ends_a_wait() -> None:
    since = datetime(2026, 11, 26, 12, tzinfo=UTC)
    trouble = Trouble(1, since, since + HOUR, "x")
    moments = since, since + HOUR, since - SECOND
    assert [trouble.is_over(one) for one in moments] == [False, True, True]
