"""A context that follows a folder, for tests that put things into it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from hermetic.certificates.credential import Credential
from hermetic.clock import TurnedClock
from hermetic.tls.reload import SwappingContext
from hermetic.tls.watch import follow

PATIENCE_S = 20


class Followed:
    """A context that follows a folder, and a way to wait for what it does."""

    def __init__(self, folder: Path, credential: Credential, clock: TurnedClock) -> None:
        self.folder, self.clock = folder, clock
        self._changed = asyncio.Event()
        self.context = SwappingContext(
            credential, clock=clock, names=["localhost"], on_change=lambda _: self._changed.set()
        )

    async def until(self, true: Callable[[SwappingContext], bool]) -> None:
        """Wait until *true* of the context."""
        async with asyncio.timeout(PATIENCE_S):
            while not true(self.context):
                self._changed.clear()
                await self._changed.wait()

    async def serves(self, credential: Credential) -> None:
        """Wait until *credential* is served."""
        await self.until(lambda context: context.credential.chain == credential.chain)

    async def refuses(self, code: str, times: int = 1) -> None:
        """Wait until something was refused for that reason."""
        await self.until(lambda context: context.refusals[code] == times)

    @asynccontextmanager
    async def running(self, **options: object) -> AsyncIterator[None]:
        """Follow the folder until the block ends."""
        options = {"clock": self.clock} | options
        task = asyncio.create_task(follow(self.folder, self.context, **options))  # type: ignore[arg-type]
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
