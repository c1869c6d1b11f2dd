"""What nobody renews is warned of thirty, fourteen, seven days and one before its end."""

import pytest
from structlog.testing import capture_logs

from hermetic.node.ending import Ending

DAY = 86400.0


def told(name: str, *days: float) -> list[tuple[float, str]]:
    """Return at which of *days* left there was a warning, looking at one after the other."""
    ending, found = Ending(dict), []
    for left in days:
        with capture_logs() as events:
            ending.tell({name: left * DAY})
        found += [(left, one["log_level"]) for one in events]
    return found


@pytest.mark.parametrize("name", ["authority-root", "imported web 12ab", "trusted CA 34cd"])
def test_each_threshold_is_told_once(name: str) -> None:
    looked = [100, 31, 30, 29, 15, 14, 13, 7, 6, 2, 1, 0.5, 0.1]
    expected = [(30, "warning"), (14, "warning"), (7, "warning"), (1, "error")]
    assert told(name, *looked) == expected


def test_what_is_over_is_told_once_a_day() -> None:
    assert [left for left, _ in told("authority-root", -0.1, -0.2, -1.1, -1.5, -2.5)] == [
        -0.1,
        -1.1,
        -2.5,
    ]


def test_a_node_that_was_off_tells_what_it_finds() -> None:
    assert told("authority-intermediate", 3) == [(3, "warning")]


def test_what_was_renewed_is_told_anew_at_its_own_end() -> None:
    assert [left for left, _ in told("imported web 12ab", 5, 300, 29)] == [5, 29]


def test_what_renews_itself_and_lists_of_days_are_not_told() -> None:
    assert told("api", 0.2) == []
    assert told("revocation-list CA", 2.9) == []
    assert told("revocation-list CA", 0.9, -0.5, -3) == [(0.9, "error")]
