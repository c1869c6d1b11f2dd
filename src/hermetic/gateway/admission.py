"""How many calls of a deployment run at once, and how long others wait for their turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hermetic.errors import Busy
from hermetic.gateway.agents import Places
from hermetic.serving.deployment import Sizing


class Admission:
    """Lets calls of one deployment in, as its sizing and its compute allow."""

    def __init__(self, sizing: Sizing) -> None:
        self.sizing = sizing
        self._own = Places(sizing.at_once)

    @asynccontextmanager
    async def place(self, agents: Places | None = None) -> AsyncIterator[None]:
        """Hold a place, and one of *agents*, for as long as the block takes.

        Raises:
            Busy: None became free in time.
        """
        until = asyncio.get_running_loop().time() + self.sizing.queue_s
        # Its own comes first: no more of a deployment wait for its compute than it may run.
        await self._take(self._own, until, "calls that this service takes at once are under way")
        try:
            if agents is not None:
                await self._take(agents, until, "agents of its compute are busy")
            try:
                yield
            finally:
                if agents is not None:
                    agents.free()
        finally:
            self._own.free()

    async def _take(self, places: Places, until: float, all_are: str) -> None:
        if places.take_now():  # what most calls find, and no timer is set for them
            return
        try:
            async with asyncio.timeout_at(until):
                await places.take()
        except TimeoutError:
            raise Busy(
                f"All {places.most} {all_are}, and no place became free within"
                f" {self.sizing.queue_s:g} s: try again later."
            ) from None
