"""How many calls of a deployment run at once, and how long others wait for their turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hermetic.errors import Busy
from hermetic.serving.deployment import Sizing


class Admission:
    """Lets calls of one deployment in, as its sizing allows."""

    def __init__(self, sizing: Sizing) -> None:
        self.sizing = sizing
        self._places = asyncio.Semaphore(sizing.at_once)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold a place for as long as the block takes.

        Raises:
            Busy: None became free in time.
        """
        try:
            async with asyncio.timeout(self.sizing.queue_s):
                await self._places.acquire()
        except TimeoutError:
            raise Busy(
                f"All {self.sizing.at_once} calls that this service takes at once are under way,"
                f" and none ended within {self.sizing.queue_s:g} s: try again later."
            ) from None
        try:
            yield
        finally:
            self._places.release()
