"""The sessions of one box, put together: kept on this machine, given to their owners.

Part of the wiring of `hermetic up`.
"""

from dataclasses import dataclass

from hermetic.clock import Clock
from hermetic.compute.hosting import LocalSessions
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.compute.sessions import SessionInterpreters
from hermetic.config.home import Home
from hermetic.gateway.hosts import OneHost
from hermetic.gateway.sessions import Sessions
from hermetic.wiring.keeping import Kept


@dataclass(frozen=True)
class Hosted:
    """The sessions, and what keeps them."""

    host: LocalSessions
    sessions: Sessions

    async def start(self) -> None:
        """Clear away what an earlier run left."""
        await self.host.start()
        await self.sessions.start()

    async def stop(self) -> None:
        """Close every session; the next start forgets their rows."""
        await self.host.stop()

    async def sweep(self) -> None:
        """Close the sessions nobody used for long, and forget those that ended."""
        await self.host.sweep()
        await self.sessions.sweep()


def hosted(
    home: Home, kept: Kept, clock: Clock, execution: LocalExecution, limits: Limits
) -> Hosted:
    """Return the sessions of one box, not yet started."""
    host = LocalSessions(
        home.sessions,
        interpreters=SessionInterpreters(execution.workforce, execution.orders, limits),
        clock=clock,
        bounds=kept.bounds,
    )
    sessions = Sessions(
        OneHost(host),
        registry=kept.sessions,
        snapshots=kept.snapshots,
        bundles=kept.bundles,
        clock=clock,
    )
    return Hosted(host, sessions)
