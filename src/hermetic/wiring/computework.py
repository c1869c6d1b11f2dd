"""What a compute node does, whoever asks for it: services and sessions on this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from hermetic.clock import system_clock
from hermetic.compute.environments import Environments
from hermetic.compute.hosting import LocalSessions
from hermetic.compute.placements import Placements
from hermetic.compute.pool import LocalExecution
from hermetic.compute.sessions import SessionInterpreters
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home
from hermetic.registry.bundles import BundleArchive
from hermetic.wiring.keeping import bounds_of
from hermetic.wiring.limits import limits_of

_SWEEP_S = 60.0
_LAST_S = 1.0


@dataclass(frozen=True)
class Work:
    """What runs, what may be run, and the sessions."""

    execution: LocalExecution
    placements: Placements
    sessions: LocalSessions

    async def sweep(self) -> None:
        """Forget what nobody used for long, again and again until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            await self.placements.sweep(asyncio.get_running_loop().time())
            await self.sessions.sweep()


@asynccontextmanager
async def working(home: Home, settings: ComputeSettings) -> AsyncIterator[Work]:
    """Start it all in *home*, and stop it in the end."""
    bounds = bounds_of(settings.limits.upload_bytes)
    limits = limits_of(settings.pool, settings.limits)
    async with AsyncExitStack() as stack:
        bundles = BundleArchive(home.bundles, home.unpacked, clock=system_clock, bounds=bounds)
        await bundles.start()
        execution = LocalExecution(
            home.work,
            limits=limits,
            hidden=home.root,
            environments=Environments(home.environments, system_clock),
        )
        await execution.start()
        stack.push_async_callback(execution.stop, _LAST_S)
        interpreters = SessionInterpreters(execution.workforce, execution.orders, limits)
        sessions = LocalSessions(
            home.sessions, interpreters=interpreters, clock=system_clock, bounds=bounds
        )
        await sessions.start()
        stack.push_async_callback(sessions.stop)
        yield Work(execution, Placements(execution, bundles), sessions)
