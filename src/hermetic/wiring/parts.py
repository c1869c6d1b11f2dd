"""The use cases of one box, put together: registry, workers, accounts, services, sessions."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.clock import Clock
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.config.home import Home
from hermetic.config.sections import Limits as Bounds
from hermetic.config.sections import Pool
from hermetic.config.settings import Settings
from hermetic.gateway.access import Access
from hermetic.gateway.publishing import Publishing
from hermetic.gateway.routing import Routes
from hermetic.gateway.served import Served
from hermetic.gateway.snapshots import Snapshots
from hermetic.identity.local import LocalAccounts
from hermetic.identity.passwords import Passwords
from hermetic.web.cases import UseCases
from hermetic.web.standing import local_backend
from hermetic.wire import status
from hermetic.wiring.face import Behind
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

    def behind(self, sealing: Sealing) -> Behind:
        """Return all of it as the web wants it."""
        return Behind(
            cases=UseCases(
                access=self.access,
                publishing=self.publishing,
                sessions=self.hosted.sessions,
                snapshots=self.snapshots,
                certification=sealing.certification,
            ),
            routes=self.routes,
            execution=self.execution,
            probes={"workers": self.execution.probe, "database": self.kept.probe},
            backends=lambda health: local_backend(health, self.execution.capacity),
            providers=lambda: {"local": status.leaf(status.PASS)},
            database=self.kept.described,
            restarts=lambda: self.execution.metrics.ended,
        )

    async def sweep(self) -> None:
        """Clear away what nobody refers to, and sessions nobody uses."""
        await self.publishing.sweep()
        await self.hosted.sweep()


@asynccontextmanager
async def assembled(
    home: Home, settings: Settings, key: RSAPrivateKey, clock: Clock
) -> AsyncIterator[Parts]:
    """Open everything in the order in which it is needed; close it the other way round."""
    async with AsyncExitStack() as stack:
        kept = kept_in(home, settings.limits.upload_bytes, clock)
        stack.push_async_callback(kept.database.close)
        await kept.database.open()
        passwords = Passwords()
        stack.push_async_callback(passwords.close)
        limits = limits_of(settings.pool, settings.limits)
        execution = LocalExecution(home.work, limits=limits, hidden=home.root)
        await execution.start()
        stack.push_async_callback(execution.stop, _LAST_S)
        parts = _built(home, kept, key, clock, (execution, passwords, limits))
        await parts.access.start()
        await parts.publishing.start()
        await parts.hosted.start()
        stack.push_async_callback(parts.hosted.stop)
        yield parts


def limits_of(pool: Pool, bounds: Bounds) -> Limits:
    """Return what the settings mean to the workers."""
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
    key: RSAPrivateKey,
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
        access=Access(provider=accounts, logins=kept.logins, key=key, issuer=ISSUER, clock=clock),
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
