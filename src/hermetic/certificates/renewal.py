"""When a certificate is due for renewal, and how late it is.

Pure: time comes in as an argument, chance as a number from 0 to 1.  Everything is a share of the
certificate's life: fixed days are wrong for one that lives 160 hours, and for one of 10 years.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hermetic.certificates.chain import Chain

_RENEWED_AT = 2 / 3  # of the life; what step-ca, cert-manager and certmagic do
_SPREAD = 1 / 20  # of the life, so that nodes started together do not ask together


@dataclass(frozen=True)
class Window:
    """The span in which an issuer suggests to renew (RFC 9773, 4.2)."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long the window is; not positive if the issuer's answer makes no sense."""
        return self.end - self.start


class Stage(StrEnum):
    """How much of a certificate's life is left; each stage is worth a louder warning."""

    FRESH = "fresh"
    """More than a third: nothing is due."""
    DUE = "due"
    """A third or less: it should be renewed, and usually is being."""
    LATE = "late"
    """A sixth or less: renewal has failed for some time."""
    CRITICAL = "critical"
    """A twentieth or less: clients will soon refuse it."""
    EXPIRED = "expired"
    """Nothing: clients refuse it."""


_STAGES = ((1 / 20, Stage.CRITICAL), (1 / 6, Stage.LATE), (1 / 3, Stage.DUE))


def due_at(chain: Chain, *, luck: float, suggested: Window | None = None) -> datetime:
    """Return the moment at which to renew *chain*.

    Two thirds into its life and up to a twentieth later, as *luck* (from 0 to 1;
    `random.random()` outside tests) falls.  A window suggested by the issuer (RFC 9773) wins
    over that, unless it is empty or would leave less than a twentieth of the life for retries:
    an issuer's mistake must not end in an outage.
    """
    life = chain.not_after - chain.not_before
    if suggested is not None and suggested.length > timedelta():
        latest = chain.not_after - life * _SPREAD
        return min(suggested.start + luck * suggested.length, latest)
    return chain.not_before + life * _RENEWED_AT + luck * life * _SPREAD


def stage(chain: Chain, now: datetime) -> Stage:
    """Return how late it is for *chain* at *now*."""
    left = chain.not_after - now
    if left < timedelta():
        return Stage.EXPIRED
    life = chain.not_after - chain.not_before
    return next((stage for share, stage in _STAGES if left <= life * share), Stage.FRESH)
