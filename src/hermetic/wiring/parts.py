"""The use cases of one box, put together: registry, workers, accounts, services, sessions.

Part of the wiring of `hermetic up`.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from hermetic.clock import Clock
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.gateway.access import Access
from hermetic.gateway.publishing import Publishing
from hermetic.gateway.routing import Routes
from hermetic.gateway.served import Served
from hermetic.gateway.snapshots import Snapshots
from hermetic.identity.local import LocalAccounts
from hermetic.identity.passwords import Passwords
from hermetic.wiring.hosting import Hosted, hosted
from hermetic.wiring.keeping import Kept, kept_in
from hermetic.wiring.sealing import Sealing

ISSUER = "hermetic"
"""Who a token says it is from; other installations sign with another key."""
_LAST_S = 1.0  # By then the server has let every call end, or has cut it off.


@dataclass(frozen=True)
class Parts:
    """What stands behind the web of one box."""

    kept: Kept
    execution: LocalExecution
    accounts: LocalAccounts
    access: Access
    routes: Routes
    publishing: Publishing
    hosted: Hosted
    snapshots: Snapshots

    async def probe(self) -> None:
        """Ask the database a question; raises what it raises."""
        await self.kept.database.read("SELECT 1")


@asynccontextmanager
async def assembled(
    home: Home, settings: Settings, sealing: Sealing, clock: Clock
) -> AsyncIterator[Parts]:
    """Open everything in the order in which it is needed; close it the other way round."""
    async with AsyncExitStack() as stack:
        kept = kept_in(home, settings, clock)
        stack.push_async_callback(kept.database.close)
        await kept.database.open()
        passwords = Passwords()
        stack.push_async_callback(passwords.close)
        limits = limits_of(settings)
        execution = LocalExecution(home.work, limits=limits, hidden=home.root)
        await execution.start()
        stack.push_async_callback(execution.stop, _LAST_S)
        parts = _built(home, kept, sealing, clock, (execution, passwords, limits))
        await parts.access.start()
        await parts.publishing.start()
        await parts.hosted.start()
        stack.push_async_callback(parts.hosted.stop)
        yield parts


def limits_of(settings: Settings) -> Limits:
    """Return what the settings mean to the workers."""
    pool, bounds = settings.pool, settings.limits
    return Limits(
        initial=pool.initial_size,
        most=pool.max_size,
        ceiling=max(Limits.ceiling, pool.max_size),
        queued=bounds.queue_length,
        call_s=bounds.call_seconds,
        load_s=bounds.load_seconds,
        memory=bounds.worker_memory_bytes,
        body=bounds.body_bytes,
    )


def _built(
    home: Home,
    kept: Kept,
    sealing: Sealing,
    clock: Clock,
    made: tuple[LocalExecution, Passwords, Limits],
) -> Parts:
    execution, passwords, limits = made
    accounts, routes = LocalAccounts(kept.principals, passwords), Routes()
    served = Served(
        services=kept.services, bundles=kept.bundles, execution=execution, routes=routes
    )
    return Parts(
        kept=kept,
        execution=execution,
        accounts=accounts,
        access=Access(
            provider=accounts,
            logins=kept.logins,
            key=sealing.signing_key,
            issuer=ISSUER,
            clock=clock,
        ),
        routes=routes,
        publishing=Publishing(
            services=kept.services,
            snapshots=kept.snapshots,
            bundles=kept.bundles,
            served=served,
            clock=clock,
        ),
        hosted=hosted(home, kept, clock, execution, limits),
        snapshots=Snapshots(kept.snapshots, kept.bundles),
    )
