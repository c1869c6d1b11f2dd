"""What deployments wrote lately."""

from datetime import UTC, datetime

from hermetic.clock import TurnedClock
from hermetic.gateway.journal import Journal

CLOCK = TurnedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


def test_lines_have_the_time_and_the_last_ones_are_told() -> None:
    journal = Journal(CLOCK)
    journal.note("wine", "one\ntwo\n")
    journal.note("wine", " \n")
    journal.note("beer", "three")
    assert journal.tail("wine", 10) == "2026-11-22T12:00:00Z one\n2026-11-22T12:00:00Z two\n"
    assert journal.tail("wine", 1).endswith(" two\n")
    assert journal.tail("wine", 0) == ""


def test_no_more_is_kept_than_fits() -> None:
    journal = Journal(CLOCK)
    journal.note("wine", "\n".join(f"line {number}" for number in range(6000)))
    journal.note("wine", "x" * 10_000)
    lines = journal.tail("wine", 10_000).splitlines()
    assert len(lines) == 5000
    assert len(lines[-1]) < 2100


def test_what_is_gone_has_written_nothing() -> None:
    journal = Journal(CLOCK)
    journal.note("wine", "one")
    journal.forget("wine")
    assert journal.tail("wine", 10) == ""
