"""Counting what strangers do, without a line for each."""

import pytest
from structlog.testing import capture_logs

from hermetic.log import logger
from hermetic.tls.tally import Tally


class Seconds:
    """Seconds that go on when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def tally(seconds: Seconds) -> Tally:
    return Tally(logger(__name__), now=seconds)


def test_everything_is_counted_by_reason(tally: Tally) -> None:
    for _ in range(100):
        tally.note("tls.handshake_refused", "timeout")
    tally.note("tls.handshake_refused", "not-tls")
    assert tally.counts == {"timeout": 100, "not-tls": 1}


def test_ten_lines_a_minute_are_logged_of_each_event(tally: Tally) -> None:
    with capture_logs() as lines:
        for _ in range(100):
            tally.note("tls.handshake_refused", "timeout")
        tally.note("tls.unknown_name", "unknown-name", name="a.test")
    assert len(lines) == 11
    assert lines[-1]["name"] == "a.test"


def test_the_next_minute_says_how_many_were_left_out(tally: Tally, seconds: Seconds) -> None:
    with capture_logs() as lines:
        for _ in range(15):
            tally.note("tls.handshake_refused", "timeout")
        seconds.now += 60
        tally.note("tls.handshake_refused", "timeout")
        tally.note("tls.handshake_refused", "timeout")
    assert [line.get("suppressed") for line in lines[-2:]] == [5, None]


def test_a_minute_without_too_many_says_nothing_of_it(tally: Tally, seconds: Seconds) -> None:
    with capture_logs() as lines:
        tally.note("tls.handshake_refused", "timeout")
        seconds.now += 60
        tally.note("tls.handshake_refused", "timeout")
    assert "suppressed" not in lines[-1]


def test_a_strangers_text_is_cut(tally: Tally) -> None:
    with capture_logs() as lines:
        tally.note("tls.unknown_name", "unknown-name", name="a" * 10_000)
    assert len(lines[0]["name"]) == 255
