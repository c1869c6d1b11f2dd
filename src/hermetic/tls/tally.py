"""What strangers cause: counted always, logged as often as a person can read.

Whoever can reach the port can fail as many handshakes as the network carries; each is worth a
count, and not each a line on the disk.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from hermetic.log import Logger

_LINES = 10
_WINDOW_S = 60.0


@dataclass
class _Window:
    began: float
    lines: int = 0
    suppressed: int = 0


class Tally:
    """Counts by reason, and logs at most ten lines a minute of each event.

    `counts` is for metrics.  The first line after some were left out says how many, as the
    field `suppressed`.
    """

    def __init__(self, log: Logger, *, now: Callable[[], float] = time.monotonic) -> None:
        """Log to *log*; *now* returns seconds of any epoch."""
        self.counts: Counter[str] = Counter()
        self._log, self._now = log, now
        self._windows: dict[str, _Window] = {}

    def note(self, event: str, reason: str, **fields: object) -> None:
        """Count one *reason*, a short word of a small set, and log *event* unless it was too often.

        The text of *fields* may come from a stranger: it is cut to what a log line bears.
        """
        self.counts[reason] += 1
        now = self._now()
        window = self._windows.get(event)
        if window is None or now - window.began >= _WINDOW_S:
            left_out = window.suppressed if window is not None else 0
            window = self._windows[event] = _Window(now)
            if left_out:
                fields["suppressed"] = left_out
        if window.lines >= _LINES:
            window.suppressed += 1
            return
        window.lines += 1
        shown = {key: _cut(value) for key, value in fields.items()}
        self._log.info(event, reason=reason, **shown)


def _cut(value: object) -> object:
    return value[:255] if isinstance(value, str) else value
