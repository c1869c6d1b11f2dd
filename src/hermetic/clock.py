"""The time, as something that can be handed in.

Nothing in the product asks the system for the time of day except through a `Clock`, so that
a test can turn it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Returns the present moment, always with the UTC zone."""


def system_clock() -> datetime:
    """Return the system's time of day, in UTC."""
    return datetime.now(UTC)


class TurnedClock:
    """A clock that stands still until it is advanced; for tests and simulations."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the moment the clock was set to."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Move the clock forward, or back if *by* is negative."""
        self.now += by
