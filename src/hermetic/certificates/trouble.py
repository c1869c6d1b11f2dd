"""When a renewal that failed is tried again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

_RETRY_AFTER = (
    timedelta(seconds=30),  # the issuer restarts, a packet was lost
    timedelta(minutes=2),  # it is being deployed, the machine's network comes up
    timedelta(minutes=5),  # somebody is called
    timedelta(minutes=15),  # somebody is at work: when it is back, we are within a quarter hour
)
"""How long to wait after the first failure, the second, … and all further ones."""
_SHARE_OF_LEFT = 8
"""No wait is longer than this part of the life left, so that the tries grow denser, not rarer."""
_SOONEST = timedelta(seconds=10)
"""However little is left, an issuer in trouble is not helped by being asked more often."""


@dataclass(frozen=True)
class Trouble:
    """What failed last, and until when to leave the issuer alone."""

    failures: int
    since: datetime
    retry_at: datetime
    text: str

    def is_over(self, now: datetime) -> bool:
        """Tell whether to try again; also when the clock was set back behind the failure."""
        return now >= self.retry_at or now < self.since


def retry_after(
    failures: int, *, left: timedelta | None, luck: float, asked: timedelta = timedelta()
) -> timedelta:
    """Return how long to wait after the last of *failures* in a row.

    Args:
        left: The life left of what is presented, negative if it is over; None if there is none.
        luck: Where between the half and the whole of a wait to fall, from 0 to 1.
        asked: How long the issuer itself asked us to wait; it is not asked before.
    """
    planned = _RETRY_AFTER[min(failures, len(_RETRY_AFTER)) - 1]
    if left is not None:
        planned = min(planned, max(left / _SHARE_OF_LEFT, _SOONEST))
    return max(planned * (0.5 + luck / 2), asked)
