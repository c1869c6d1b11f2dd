"""How many calls the computes run at once, each for all that is deployed on it.

A compute that was created has as many agents as it was told, and each is a worker that one call
keeps busy.  One that was attached has what was there before, and is not bounded here.
"""

import asyncio
from collections import deque
from contextlib import suppress
from math import inf


class Places:
    """So many places; who finds none waits for one, in order."""

    def __init__(self, most: float) -> None:
        self.most = most
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def resize(self, most: float) -> None:
        """Have *most* from now on; who holds a place that is no more keeps it to the end."""
        self.most = most
        self._hand_out()

    def take_now(self) -> bool:
        """Take a place if one is free and nobody waits for it; return whether it was taken."""
        if self._taken >= self.most or self._waiting:
            return False
        self._taken += 1
        return True

    async def take(self) -> None:
        """Take a place, once it is this caller's turn."""
        if self.take_now():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                with suppress(ValueError):  # passed over already
                    self._waiting.remove(turn)
            else:  # it was handed out in the very turn in which nobody wanted it any more
                self.free()
            raise

    def free(self) -> None:
        """Give a place back."""
        self._taken -= 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._taken < self.most:
            turn = self._waiting.popleft()
            if not turn.done():
                self._taken += 1
                turn.set_result(None)


class Agents:
    """The places of each compute, by its name."""

    def __init__(self) -> None:
        self._known: dict[str, Places] = {}

    def allow(self, compute: str, most: int | None) -> None:
        """Let *compute* run *most* calls at once from now on; as many as come, if that is `None`."""
        allowed = inf if most is None else most
        if (places := self._known.get(compute)) is None:
            self._known[compute] = Places(allowed)
        else:
            places.resize(allowed)

    def forget(self, compute: str) -> None:
        """Bound the calls of *compute*, which is no more, no longer."""
        if (places := self._known.pop(compute, None)) is not None:
            places.resize(inf)

    def of(self, compute: str) -> Places | None:
        """Return the places of *compute*; `None` where nothing is bounded."""
        return self._known.get(compute)
