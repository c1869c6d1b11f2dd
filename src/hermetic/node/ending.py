"""Warnings of what nobody renews by itself: authorities, imported certificates, revocation lists.

Thirty, fourteen, seven days and one before the end, once each; after it once a day.  What is renewed
by itself warns by the share of its life that is left (`node.renewal`): for that days mean nothing.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Never

from hermetic.errors import HermeticError
from hermetic.log import logger

DAYS = (30, 14, 7, 1)
LISTS_DAYS = (1,)
"""Of revocation lists, which are made anew every few days."""
_LOOK_S = 3600.0
_KINDS = {
    "authority-": DAYS,
    "imported ": DAYS,
    "trusted ": DAYS,
    "revocation-list ": LISTS_DAYS,
}
_DAY_S = timedelta(days=1).total_seconds()

log = logger(__name__)


class Ending:
    """Warns of what *seconds_left* says ends soon, by its name."""

    def __init__(self, seconds_left: Callable[[], Mapping[str, float]]) -> None:
        self._seconds_left = seconds_left
        self._told: dict[str, int] = {}

    async def run(self) -> Never:
        """Look each hour, until cancelled."""
        while True:
            try:
                self.tell(await asyncio.to_thread(self._seconds_left))
            except HermeticError as error:
                log.warning("certificate.ends_unknown", text=error.text)
            await asyncio.sleep(_LOOK_S)

    def tell(self, seconds_left: Mapping[str, float]) -> None:
        """Warn of each thing once for each of its thresholds."""
        for name, left_s in seconds_left.items():
            reached = _reached(name, left_s)
            if reached is None:
                self._told.pop(name, None)
            elif self._told.get(name) != reached:
                self._told[name] = reached
                tell = log.error if reached <= 1 else log.warning
                tell("certificate.ends", name=name, days_left=round(left_s / _DAY_S, 1))


def _reached(name: str, left_s: float) -> int | None:
    """Return which threshold, in days, *name* is below; of what is over, its negative age in days."""
    days = next((days for kind, days in _KINDS.items() if name.startswith(kind)), ())
    if days and left_s < 0:
        # a list that nobody keeps up any more may be of an authority that is none any more
        return int(left_s // _DAY_S) if days is DAYS else None
    return min((one for one in days if left_s <= one * _DAY_S), default=None)
