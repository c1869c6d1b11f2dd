"""The use cases of a web node, put together: what is shared, and the compute nodes behind."""

import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.keys import encode_public
from hermetic.clock import Clock
from hermetic.config.web import WebSettings
from hermetic.gateway.access import Access
from hermetic.gateway.changes import ChangeFeed
from hermetic.gateway.enrolment import Enrolment
from hermetic.gateway.forwarding import Forwarding
from hermetic.gateway.hosts import NodeHosts
from hermetic.gateway.nodes import ComputeNodes
from hermetic.gateway.publishing import Publishing
from hermetic.gateway.routing import Routes
from hermetic.gateway.served import Served
from hermetic.gateway.sessions import Sessions
from hermetic.gateway.snapshots import Snapshots
from hermetic.identity.local import LocalAccounts
from hermetic.identity.passwords import Passwords
from hermetic.log import logger
from hermetic.registry.nodes import ComputeEntries
from hermetic.registry.revisions import Kind, Revisions
from hermetic.registry.web_nodes import WebNode, WebNodes
from hermetic.web.cases import UseCases
from hermetic.wire import status
from hermetic.wire.messages import Status
from hermetic.wiring.backend import BackEnd
from hermetic.wiring.face import Behind
from hermetic.wiring.keeping import Kept
from hermetic.wiring.life import Task
from hermetic.wiring.parts import ISSUER
from hermetic.wiring.sealing import Sealing

log = logger(__name__)


@dataclass(frozen=True)
class Identity:
    """How a web node is known to others: its address, and the key that it signs tokens with."""

    url: str
    key: RSAPrivateKey = field(repr=False)

    def row(self, clock: Clock) -> WebNode:
        """Return what is written down of the node at its start."""
        now = clock()
        digest = hashlib.sha256(encode_public(self.key.public_key())).hexdigest()
        nothing = dict.fromkeys(Kind, 0)
        return WebNode(str(uuid.uuid4()), self.url, digest, version("hermetic"), now, now, nothing)


@dataclass(frozen=True)
class WebParts:
    """What stands behind the web of a web node."""

    kept: Kept
    nodes: ComputeNodes
    forwarding: Forwarding
    feed: ChangeFeed
    accounts: LocalAccounts
    access: Access
    routes: Routes
    publishing: Publishing
    sessions: Sessions
    snapshots: Snapshots
    enrolment: Enrolment

    @property
    def tasks(self) -> list[Task]:
        """What runs beside the server."""
        return [self.forwarding.run, self.feed.run]

    def behind(self, sealing: Sealing) -> Behind:
        """Return all of it as the web wants it.

        A database that is away does not keep calls from being answered: what is known is in
        memory.  Only a node that has been blind for minutes is not to be given any.
        """
        return Behind(
            cases=UseCases(
                access=self.access,
                publishing=self.publishing,
                sessions=self.sessions,
                snapshots=self.snapshots,
                certification=sealing.certification,
                enrolment=self.enrolment,
            ),
            routes=self.routes,
            execution=self.forwarding,
            probes={"compute": self.forwarding.probe, "changes": self.feed.probe},
            advisory={"database": self.kept.probe},
            backends=lambda _health: self.nodes.backends(),
            providers=self._providers,
            database=self.kept.described,
        )

    async def sweep(self) -> None:
        """Clear away what nobody refers to, and sessions that have ended."""
        await self.publishing.sweep()
        await self.sessions.sweep()

    def _providers(self) -> Mapping[str, Status]:
        differing = self.feed.differing
        if not differing:
            return {"local": status.leaf(status.PASS)}
        told = f"Tokens are signed with another key than at {', '.join(differing)}."
        return {"local": status.leaf(status.FAIL, error=told)}


@asynccontextmanager
async def assembled(
    settings: WebSettings, kept: Kept, backend: BackEnd, identity: Identity, clock: Clock
) -> AsyncIterator[WebParts]:
    """Open everything in the order in which it is needed; close it the other way round."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(kept.database.close)
        await kept.database.open()
        passwords = Passwords()
        stack.push_async_callback(passwords.close)
        parts = _built(settings, kept, backend, (identity, passwords), clock)
        backend.on_change = parts.nodes.renew
        stack.push_async_callback(parts.nodes.stop)
        stack.push_async_callback(parts.forwarding.stop)
        # Before anything is read, so that no change falls between the two.
        await parts.feed.start()
        stack.push_async_callback(parts.feed.stop)
        await parts.access.start()
        await parts.publishing.start()
        uris = settings.back_end_configuration.uris
        await parts.enrolment.start([*uris.values, *uris.ranges])
        if not len(parts.nodes):
            log.error("nodes.none", setting="BackEndConfiguration.Uris", remedy="hermetic node add")
        yield parts


def _built(
    settings: WebSettings,
    kept: Kept,
    backend: BackEnd,
    known: tuple[Identity, Passwords],
    clock: Clock,
) -> WebParts:
    identity, passwords = known
    nodes = ComputeNodes(backend.context, door=backend.trust.peers)
    forwarding = Forwarding(
        nodes,
        kept.bundles.path,
        within_s=settings.back_end_configuration.connection_timeout.total_seconds(),
        queued=settings.limits.queue_length,
    )
    accounts, routes = LocalAccounts(kept.principals, passwords), Routes()
    served = Served(
        services=kept.services,
        bundles=kept.bundles,
        execution=forwarding,
        routes=routes,
        unpacks=False,
    )
    feed = ChangeFeed(
        Revisions(kept.database), WebNodes(kept.database, clock), identity.row(clock), clock
    )
    access = Access(
        provider=accounts,
        logins=kept.logins,
        key=identity.key,
        issuer=ISSUER,
        clock=clock,
        others=feed,
    )
    enrolment = Enrolment(ComputeEntries(kept.database, clock), nodes, feed)
    feed.takers = {
        Kind.SERVICES: served.take_in,
        Kind.LOGINS: access.take_in,
        Kind.PRINCIPALS: accounts.take_in,
        Kind.NODES: enrolment.take_in,
    }
    return WebParts(
        kept=kept,
        nodes=nodes,
        forwarding=forwarding,
        feed=feed,
        accounts=accounts,
        access=access,
        routes=routes,
        publishing=Publishing(
            services=kept.services,
            snapshots=kept.snapshots,
            bundles=kept.bundles,
            served=served,
            clock=clock,
            others=feed,
        ),
        sessions=Sessions(
            NodeHosts(nodes),
            registry=kept.sessions,
            snapshots=kept.snapshots,
            bundles=kept.bundles,
            clock=clock,
        ),
        snapshots=Snapshots(kept.snapshots, kept.bundles),
        enrolment=enrolment,
    )
