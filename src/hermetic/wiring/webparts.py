"""The use cases of a web node, put together: what is shared, and the compute nodes behind."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from hermetic.clock import Clock
from hermetic.config.web import WebSettings
from hermetic.diagnostics.nodes import Diagnosis
from hermetic.gateway.changes import ChangeFeed
from hermetic.gateway.sessions import Sessions
from hermetic.registry.revisions import Kind
from hermetic.wiring.backend import BackEnd
from hermetic.wiring.behind import Behind
from hermetic.wiring.company import Identity, feed_of, providers
from hermetic.wiring.diagnosing import diagnosis_of
from hermetic.wiring.farm import Farm, farm_of
from hermetic.wiring.keeping import Kept
from hermetic.wiring.life import Task
from hermetic.wiring.offering import Offer, offered
from hermetic.wiring.sealing import Sealing


@dataclass(frozen=True)
class WebParts:
    """What stands behind the web of a web node."""

    kept: Kept
    farm: Farm
    feed: ChangeFeed
    offer: Offer
    sessions: Sessions
    diagnosis: Diagnosis

    @property
    def tasks(self) -> list[Task]:
        """What runs beside the server."""
        return [self.farm.forwarding.run, self.feed.run]

    def behind(self, sealing: Sealing) -> Behind:
        """Return all of it as the web wants it.

        A database that is away does not keep calls from being answered: what is known is in
        memory.  Only a node that has been blind for minutes is not to be given any.
        """
        return Behind(
            cases=replace(
                self.offer.cases(sealing, self.sessions),
                enrolment=self.farm.enrolment,
                diagnosis=self.diagnosis,
            ),
            routes=self.offer.routes,
            execution=self.farm.forwarding,
            probes={"compute": self.farm.forwarding.probe, "changes": self.feed.probe},
            advisory={"database": self.kept.probe},
            backends=lambda _health: self.farm.nodes.backends(),
            providers=lambda: providers(self.feed),
            database=self.kept.described,
        )

    async def sweep(self) -> None:
        """Clear away what nobody refers to, and sessions that have ended."""
        await self.offer.publishing.sweep()
        await self.sessions.sweep()


@asynccontextmanager
async def assembled(
    settings: WebSettings, kept: Kept, backend: BackEnd, identity: Identity, clock: Clock
) -> AsyncIterator[WebParts]:
    """Open everything in the order in which it is needed; close it the other way round."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kept.database.close)
        await kept.database.open()
        feed = feed_of(identity, kept, clock)
        farm = farm_of(settings, kept, backend, feed, clock)
        stack.push_async_callback(farm.stop)
        offer = await stack.enter_async_context(
            offered(kept, farm.forwarding, identity.key, clock, others=feed, unpacks=False)
        )
        feed.takers = {
            Kind.SERVICES: offer.served.take_in,
            Kind.LOGINS: offer.access.take_in,
            Kind.PRINCIPALS: offer.accounts.take_in,
            Kind.NODES: farm.enrolment.take_in,
        }
        # Before anything is read, so that no change falls between the two.
        await feed.start()
        stack.push_async_callback(feed.stop)
        await offer.start()
        uris = settings.back_end_configuration.uris
        await farm.start([*uris.values, *uris.ranges])
        diagnosis = diagnosis_of(kept, backend, farm, feed, clock)
        yield WebParts(kept, farm, feed, offer, farm.sessions(kept, clock), diagnosis)
