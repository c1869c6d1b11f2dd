"""What deployments wrote lately, for their owners to read; in memory, and no more than so much."""

from collections import defaultdict, deque

from hermetic.clock import Clock

_LINES = 5000
_LONGEST = 2000


class Journal:
    """The last lines of each deployment."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=_LINES))

    def note(self, name: str, text: str) -> None:
        """Keep the lines of *text* for the deployment *name*, with the time."""
        if not text.strip():
            return
        at = f"{self._clock():%Y-%m-%dT%H:%M:%S}Z"
        lines = self._lines[name]
        lines.extend(f"{at} {line[:_LONGEST]}" for line in text.rstrip().splitlines())

    def tail(self, name: str, most: int) -> str:
        """Return the last lines, at most so many."""
        lines = list(self._lines[name]) if name in self._lines else []
        return "".join(f"{line}\n" for line in lines[max(0, len(lines) - most) :])

    def forget(self, name: str) -> None:
        """Forget what the deployment *name* wrote."""
        self._lines.pop(name, None)
