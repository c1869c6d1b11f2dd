"""The use cases of one box, put together: registry, workers, accounts, services, sessions."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.clock import Clock
from hermetic.compute.environments import Environments
from hermetic.compute.pool import LocalExecution
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.web.standing import local_backend
from hermetic.wire import status
from hermetic.wiring.behind import Behind
from hermetic.wiring.hosting import Hosted, hosted
from hermetic.wiring.keeping import Kept, kept_in
from hermetic.wiring.limits import limits_of
from hermetic.wiring.offering import Offer, offered
from hermetic.wiring.sealing import Sealing

_LAST_S = 1.0  # By then the server has let every call end, or has cut it off.


@dataclass(frozen=True)
class Parts:
    """What stands behind the web of one box."""

    kept: Kept
    execution: LocalExecution
    environments: Environments
    offer: Offer
    hosted: Hosted

    def behind(self, sealing: Sealing) -> Behind:
        """Return all of it as the web wants it."""
        return Behind(
            cases=self.offer.cases(sealing, self.hosted.sessions),
            routes=self.offer.routes,
            execution=self.execution,
            probes={"workers": self.execution.probe, "database": self.kept.probe},
            backends=lambda health: local_backend(health, self.execution.capacity),
            providers=lambda: {"local": status.leaf(status.PASS)},
            database=self.kept.described,
            restarts=lambda: self.execution.metrics.ended,
        )

    async def sweep(self) -> None:
        """Clear away what nobody refers to, and sessions nobody uses."""
        await self.offer.publishing.sweep()
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
        limits = limits_of(settings.pool, settings.limits)
        environments = Environments(home.environments, clock)
        execution = LocalExecution(
            home.work,
            limits=limits,
            hidden=home.root,
            environments=environments,
        )
        await execution.start()
        stack.push_async_callback(execution.stop, _LAST_S)
        offer = await stack.enter_async_context(offered(kept, execution, key, clock))
        sessions = hosted(home, kept, clock, execution, limits)
        parts = Parts(kept, execution, environments, offer, sessions)
        await offer.start()
        await parts.hosted.start()
        stack.push_async_callback(parts.hosted.stop)
        yield parts
