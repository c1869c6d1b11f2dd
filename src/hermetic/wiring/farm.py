"""The compute nodes behind a web node: which there are, and how calls get to them."""

from collections.abc import Sequence
from dataclasses import dataclass

from hermetic.clock import Clock
from hermetic.config.web import WebSettings
from hermetic.gateway.enrolment import Enrolment
from hermetic.gateway.forwarding import Forwarding
from hermetic.gateway.hosts import NodeHosts
from hermetic.gateway.nodes import ComputeNodes
from hermetic.gateway.others import Others
from hermetic.gateway.sessions import Sessions
from hermetic.log import logger
from hermetic.registry.nodes import ComputeEntries
from hermetic.wiring.backend import BackEnd
from hermetic.wiring.keeping import Kept

log = logger(__name__)


@dataclass(frozen=True)
class Farm:
    """The compute nodes, how they are added and removed, and what forwards to them."""

    nodes: ComputeNodes
    forwarding: Forwarding
    enrolment: Enrolment

    async def start(self, configured: Sequence[str]) -> None:
        """Use the nodes of the database, to which those of the settings are added.

        Raises:
            BadInput: One of the settings' entries is none.
        """
        await self.enrolment.start(configured)
        if not len(self.nodes):
            log.error("nodes.none", setting="BackEndConfiguration.Uris", remedy="hermetic node add")

    def sessions(self, kept: Kept, clock: Clock) -> Sessions:
        """Return the sessions that these nodes keep for people."""
        return Sessions(
            NodeHosts(self.nodes),
            registry=kept.sessions,
            snapshots=kept.snapshots,
            bundles=kept.bundles,
            clock=clock,
        )

    async def stop(self) -> None:
        """Forward no more, and close what is open to them."""
        await self.forwarding.stop()
        await self.nodes.stop()


def farm_of(
    settings: WebSettings, kept: Kept, backend: BackEnd, others: Others, clock: Clock
) -> Farm:
    """Return the compute nodes of *settings* and database; none is asked anything yet."""
    nodes = ComputeNodes(backend.context, door=backend.trust.peers)
    backend.on_change = nodes.renew
    forwarding = Forwarding(
        nodes,
        kept.bundles.path,
        within_s=settings.back_end_configuration.connection_timeout.total_seconds(),
        queued=settings.limits.queue_length,
    )
    return Farm(nodes, forwarding, Enrolment(ComputeEntries(kept.database, clock), nodes, others))
