"""One turn of the event loop: what is written in it goes out at its end.

To wake the process at the other end of a connection costs more than all that a node does to one
call.  While it sleeps, the first of several writes wakes it; if they come one right after the
other it finds them all.  Under load a turn has several calls, and without load it ends at once.
"""

import asyncio
from typing import Protocol

_MOST = 8
"""So many at once: more and the other end would wait for the first."""


class Writable(Protocol):
    """Whoever bytes are written to, as `asyncio.Transport`."""

    def write(self, data: bytes) -> None:
        """Send *data*."""

    def is_closing(self) -> bool:
        """Whether nothing can be sent any more."""


class Turn:
    """Keeps what is to be written, in order, until the loop has handed out all events at hand.

    Who writes to the same connection otherwise, or closes it, MUST call `end` before.
    """

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[tuple[Writable, bytes]] = []

    def write(self, to: Writable, data: bytes) -> None:
        """Send *data* to *to* before the loop waits for events again."""
        kept = self._kept
        if not kept:
            asyncio.get_running_loop().call_soon(self.end)
        kept.append((to, data))
        if len(kept) >= _MOST:
            self.end()

    def end(self) -> None:
        """Send everything now."""
        kept, self._kept = self._kept, []
        for to, data in kept:
            if not to.is_closing():
                to.write(data)
