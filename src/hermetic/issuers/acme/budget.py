"""What we let ourselves ask of an ACME server, so that its limits are never met.

Let's Encrypt issues five certificates for the same names in seven days, and takes 300 orders of an
account in three hours; whoever goes beyond is locked out for days, with no certificate.  An error in
a loop must end here and not there.  Renewals that say what they replace (RFC 9773) are not limited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from hermetic.errors import TooManyAttempts

SAME_NAMES, SAME_NAMES_OF = 5, timedelta(days=7)
ORDERS, ORDERS_OF = 300, timedelta(hours=3)
_LIVES = 2 / 3
"""After this part of a life a certificate is renewed: what lives a day is asked for ten times a week."""
_LENIENCY = 3


@dataclass(frozen=True)
class Spent:
    """A certificate that was got, without saying that it replaces another."""

    name: str
    at: datetime
    life: timedelta


def refuse_over_budget(
    name: str, spent: Sequence[Spent], ordered: Sequence[datetime], now: datetime
) -> None:
    """Refuse another order for what is called *name*, where it would be one too many.

    Raises:
        TooManyAttempts: With the time after which there is room again.
    """
    same = sorted((one for one in spent if one.name == name), key=lambda one: one.at)
    recent = [one for one in same if timedelta() <= now - one.at < SAME_NAMES_OF]
    most = _most(recent)
    if len(recent) >= most:
        free = recent[len(recent) - most].at + SAME_NAMES_OF
        raise TooManyAttempts(
            f"{len(recent)} certificates for the same names were issued within a week, and more are"
            f" not asked for before {free:%Y-%m-%d %H:%M} UTC: public authorities lock out who asks"
            " again and again. Find out why they are not kept.",
            _seconds(free - now),
        )
    lately = sorted(one for one in ordered if timedelta() <= now - one < ORDERS_OF)
    if len(lately) >= ORDERS:
        free = lately[len(lately) - ORDERS] + ORDERS_OF
        raise TooManyAttempts(
            f"{ORDERS} orders were made within three hours: no more before {free:%H:%M} UTC.",
            _seconds(free - now),
        )


def _most(recent: Sequence[Spent]) -> int:
    """Return how many are enough: more of what lives for hours, or is meant to."""
    if not recent or recent[-1].life <= timedelta():
        return SAME_NAMES
    needed = SAME_NAMES_OF / (recent[-1].life * _LIVES)
    return max(SAME_NAMES, ceil(needed * _LENIENCY))


def _seconds(left: timedelta) -> int:
    return max(1, ceil(left.total_seconds()))
