from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.access.throttle import Limits, Throttle
from hermetic.errors import TooManyAttempts

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LIMITS = Limits(window=timedelta(minutes=5), per_account=3, per_address=5, remembered=50)


def fail(throttle: Throttle, times: int, account: str = "anna", peer: str = "192.0.2.1") -> None:
    for _ in range(times):
        throttle.begin(account, peer, now=NOW)


def test_as_many_failures_as_allowed_are_let_through() -> None:
    fail(Throttle(LIMITS), 3)


def test_one_more_is_refused_and_told_when_to_come_again() -> None:
    throttle = Throttle(LIMITS)
    fail(throttle, 3)
    with pytest.raises(TooManyAttempts, match="in 300 seconds") as caught:
        fail(throttle, 1)
    assert caught.value.retry_after_s == 300


def test_the_window_slides() -> None:
    throttle = Throttle(LIMITS)
    fail(throttle, 3)
    throttle.begin("anna", "192.0.2.1", now=NOW + timedelta(minutes=5))


def test_until_the_window_has_slid_the_account_stays_closed() -> None:
    throttle = Throttle(LIMITS)
    fail(throttle, 3)
    with pytest.raises(TooManyAttempts) as caught:
        throttle.begin("anna", "192.0.2.1", now=NOW + timedelta(minutes=4, seconds=59.5))
    assert caught.value.retry_after_s == 1


def test_a_refused_attempt_does_not_prolong_the_wait() -> None:
    throttle = Throttle(LIMITS)
    fail(throttle, 3)
    for minute in range(5):
        with pytest.raises(TooManyAttempts):
            throttle.begin("anna", "192.0.2.1", now=NOW + timedelta(minutes=minute))
    throttle.begin("anna", "192.0.2.1", now=NOW + timedelta(minutes=5))


def test_an_account_is_closed_to_all_addresses() -> None:
    throttle = Throttle(LIMITS)
    for last in range(3):
        throttle.begin("anna", f"192.0.2.{last}", now=NOW)
    with pytest.raises(TooManyAttempts):
        throttle.begin("ANNA", "192.0.2.9", now=NOW)


def test_an_address_is_closed_to_all_accounts() -> None:
    throttle = Throttle(LIMITS)
    for name in "abcde":
        throttle.begin(name, "192.0.2.1", now=NOW)
    with pytest.raises(TooManyAttempts):
        throttle.begin("f", "192.0.2.1", now=NOW)
    throttle.begin("f", "192.0.2.2", now=NOW)


@pytest.mark.parametrize(
    ("one", "other"),
    [("2001:db8::1", "2001:db8::2"), ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%1", "fe80::2%2")],
)
def test_addresses_of_one_subscriber_count_together(one: str, other: str) -> None:
    throttle = Throttle(LIMITS)
    for name in "abcde":
        throttle.begin(name, one, now=NOW)
    with pytest.raises(TooManyAttempts):
        throttle.begin("f", other, now=NOW)


def test_a_success_clears_the_account_but_not_the_address() -> None:
    throttle = Throttle(LIMITS)
    fail(throttle, 2)
    throttle.succeed(throttle.begin("anna", "192.0.2.1", now=NOW))
    fail(throttle, 3)
    with pytest.raises(TooManyAttempts):
        throttle.begin("bert", "192.0.2.1", now=NOW)


def test_an_attempt_that_was_never_decided_is_forgotten() -> None:
    throttle = Throttle(LIMITS)
    for _ in range(10):
        throttle.withdraw(throttle.begin("anna", "192.0.2.1", now=NOW))
    assert len(throttle) == 0


@given(st.lists(st.tuples(st.text(), st.text()), max_size=200))
@pytest.mark.slow
def test_whatever_names_come_memory_stays_bounded(attempts: list[tuple[str, str]]) -> None:
    throttle = Throttle(LIMITS)
    for account, peer in attempts:
        try:
            throttle.begin(account, peer, now=NOW)
        except TooManyAttempts:
            continue
    assert len(throttle) <= LIMITS.remembered


@given(st.lists(st.floats(0, 3600), min_size=1, max_size=60))
def test_no_window_ever_lets_more_failures_through_than_allowed(delays: list[float]) -> None:
    throttle = Throttle(LIMITS)
    let_through = []
    for delay in sorted(delays):
        moment = NOW + timedelta(seconds=delay)
        try:
            let_through.append(throttle.begin("anna", "192.0.2.1", now=moment).at)
        except TooManyAttempts:
            continue
    for first, fourth in zip(let_through, let_through[LIMITS.per_account :], strict=False):
        assert fourth - first >= LIMITS.window
