"""The compute nodes as one web node sees them: *enrolled → ready → draining → gone*.

Each node is asked about once a second how it is; what calls meet there counts as well.  A node
that does not answer gets no calls until it does again.  Nothing here is shared with other web
nodes: each finds out for itself, so that a broken network between two of them is seen as it is.
"""

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import time

from hermetic.client.asking import Asker
from hermetic.client.compute import ComputeClient
from hermetic.client.execution import Capacity
from hermetic.client.link import Door, Link, Target
from hermetic.client.sessions import RemoteSessions
from hermetic.errors import BundleMissing, HermeticError, TrustFailure, Unreachable
from hermetic.log import logger
from hermetic.serving.balancing import Failure, Phase, Standing
from hermetic.serving.service import ServiceKey
from hermetic.serving.uris import NodeAddress
from hermetic.wire import status as statuses
from hermetic.wire.messages import Status

log = logger(__name__)

PERIOD_S = 1.0
TIME = "unixTimeMs"
"""The detail of a node's status that tells its clock, in milliseconds since 1970."""

STARTED = "startedAt"
"""The detail that tells since when the process runs, by its own clock."""

Archive = Callable[[str], Awaitable[Path]]
"""Gives the archive of a bundle by its digest."""


@dataclass(frozen=True)
class Given:
    """A service as it is given to nodes: its key, its document and the digest of that."""

    key: ServiceKey
    digest: str
    document: bytes = field(repr=False)
    bundle: str | None
    idempotent: bool
    address: bytes = field(init=False, repr=False)
    """The digest as it stands in a request."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", self.digest.encode())


@dataclass(eq=False)
class ComputeNode:
    """One compute node: how to reach it, and how it stands."""

    address: NodeAddress
    link: Link
    asker: Asker
    client: ComputeClient
    sessions: RemoteSessions
    standing: Standing
    status: Status | None = None
    """What it said of itself last; `None` while it does not answer."""
    trouble: str = "Not asked yet."
    skew_s: float = 0.0
    """How far its clock is ahead of ours."""
    retired: bool = False
    """Whether an administrator took it out."""
    leaving: bool = False
    """Whether it said itself that it stops."""
    holding: set[str] = field(default_factory=set)
    """The digests of the services it was given by this web node."""
    giving: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def give(self, given: Given, archive: Archive) -> None:
        """Give the node a service, and its bundle if it lacks that; once at a time."""
        task = self.giving.get(given.digest)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._give(given, archive))
            self.giving[given.digest] = task
            task.add_done_callback(lambda _: self.giving.pop(given.digest, None))
        await asyncio.shield(task)

    async def send_bundle(self, digest: str, archive: Archive) -> None:
        """Send the bundle *digest*."""
        await self.client.keep(digest, await archive(digest))
        log.info("bundle.sent", node=str(self.address), digest=digest)

    def settle(self) -> None:
        """Let what was said of leaving hold."""
        if self.retired or self.leaving:
            self.standing.drain()
        else:
            self.standing.undrain()

    async def close(self) -> None:
        """Close every connection to it."""
        self.link.close()
        for task in list(self.giving.values()):
            task.cancel()
        await self.asker.close()

    async def _give(self, given: Given, archive: Archive) -> None:
        try:
            await self.client.place(given.digest, given.document)
        except BundleMissing:
            if given.bundle is None:
                raise
            await self.send_bundle(given.bundle, archive)
            await self.client.place(given.digest, given.document)
        self.holding.add(given.digest)


class ComputeNodes:
    """All compute nodes of an installation.

    Args:
        context: Gives the TLS context for connections to them.
        most: How many connections there may be to each.
        door: See `Link`.
    """

    def __init__(
        self,
        context: Callable[[], ssl.SSLContext | None],
        *,
        most: int = 256,
        period_s: float = PERIOD_S,
        door: Door | None = None,
    ) -> None:
        self._door = door
        self._context, self._most, self._period_s = context, most, period_s
        self._nodes: dict[NodeAddress, ComputeNode] = {}
        self._watches: dict[NodeAddress, asyncio.Task[None]] = {}
        self.on_silent: Callable[[ComputeNode], None] = lambda node: None
        """Called with each node that is given no more calls since it says nothing."""
        self.standings: list[Standing] = []
        self.by_standing: dict[Standing, ComputeNode] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def replace(self, addresses: Sequence[NodeAddress], retired: Collection[str] = ()) -> None:
        """Have these nodes from now on, and no others; *retired* are addresses taken out.

        A node that stays keeps its connections.  One that goes finishes what is under way.
        """
        for gone in self._nodes.keys() - set(addresses):
            self._watches.pop(gone).cancel()
            self._part_from(self._nodes.pop(gone))
        for address in addresses:
            if address not in self._nodes:
                self._nodes[address] = self._made(address)
                watch = asyncio.get_running_loop().create_task(self._watch(self._nodes[address]))
                self._watches[address] = watch
            node = self._nodes[address]
            node.retired = str(address) in retired or address.url in retired
            node.settle()
        self.standings = [node.standing for node in self._nodes.values()]
        self.by_standing = {node.standing: node for node in self._nodes.values()}

    def __iter__(self) -> Iterator[ComputeNode]:
        return iter(tuple(self._nodes.values()))

    def __len__(self) -> int:
        return len(self._nodes)

    def at(self, url: str) -> ComputeNode | None:
        """Return the node at *url*, with or without a slash at its end."""
        wanted = url.rstrip("/")
        return next((node for node in self if node.address.url == wanted), None)

    async def stop(self) -> None:
        """Close everything."""
        for watch in self._watches.values():
            watch.cancel()
        await asyncio.gather(*self._watches.values(), return_exceptions=True)
        await asyncio.gather(*(node.close() for node in self))
        if self._ending:
            await asyncio.wait(self._ending)
        self._watches.clear()

    def renew(self) -> None:
        """Use the context that is given now; connections at rest that had another are closed."""
        for node in self:
            node.link.renew()

    def capacity(self) -> Capacity:
        """Return what all that answer have together."""
        found = [_capacity(node.status) for node in self if node.status is not None]
        return Capacity(*(sum(one) for one in zip(*found, strict=True))) if found else _NOTHING

    def backends(self) -> dict[str, Status]:
        """Return the state of each, by its address, as `/status` tells it."""
        now = asyncio.get_running_loop().time()
        return {str(node.address): _backend(node, now) for node in self}

    def answering(self) -> bool:
        """Whether one of them at least can be given a call."""
        now = asyncio.get_running_loop().time()
        return any(node.status is not None and node.standing.is_ready(now) for node in self)

    async def look(self, node: ComputeNode) -> None:
        """Ask *node* once how it is."""
        loop, before = asyncio.get_running_loop(), time()
        try:
            found = await node.client.status()
        except HermeticError as error:
            kind = _kind(error)
            node.standing.probe_failed(kind, loop.time(), random.random())  # noqa: S311
            if kind is Failure.SILENT and node.standing.phase(loop.time()) is Phase.EJECTED:
                self.on_silent(node)
            if node.status is not None:
                log.warning("node.lost", node=str(node.address), reason=error.text)
            node.status, node.trouble = None, error.text
            node.holding.clear()
            if isinstance(error, TrustFailure):
                # What was trusted before may still be talking to us.
                await node.asker.close()
            return
        theirs = found.details.get(TIME)
        if isinstance(theirs, int):
            node.skew_s = theirs / 1000 - (before + time()) / 2
        if node.status is None:
            log.info("node.found", node=str(node.address))
        node.status, node.trouble, node.leaving = found, "", False
        node.standing.probe_answered(loop.time())
        node.settle()

    async def _watch(self, node: ComputeNode) -> None:
        while True:
            await self.look(node)
            # Spread, so that web nodes do not ask in step.
            await asyncio.sleep(self._period_s * random.uniform(0.8, 1.2))  # noqa: S311

    def _made(self, address: NodeAddress) -> ComputeNode:
        target = Target(address.host, address.port, sealed=address.scheme == "https")
        asker = Asker(target, self._context)
        return ComputeNode(
            address,
            Link(target, self._context, most=self._most, door=self._door),
            asker,
            ComputeClient(asker),
            RemoteSessions(asker),
            Standing(),
        )

    def _part_from(self, node: ComputeNode) -> None:
        node.retired = True
        node.settle()
        task = asyncio.get_running_loop().create_task(self._end(node))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, node: ComputeNode) -> None:
        # What is under way has a deadline of its own.
        while node.standing.load:  # noqa: ASYNC110
            await asyncio.sleep(self._period_s)
        with suppress(HermeticError):
            await node.close()


_NOTHING = Capacity(workers=0, busy=0, queued=0, most=0)


def _kind(error: HermeticError) -> Failure:
    if isinstance(error, TrustFailure):
        return Failure.UNTRUSTED
    return Failure.UNREACHABLE if isinstance(error, Unreachable) else Failure.SILENT


def _capacity(status: Status) -> Capacity:
    names = "pythonCurrentPoolSize", "pythonActiveShellCount", "queuedCalls", "pythonMaxPoolSize"
    figures = [status.details.get(name) for name in names]
    return Capacity(*(one if isinstance(one, int) else 0 for one in figures))


def _backend(node: ComputeNode, now: float) -> Status:
    if node.status is None:
        return statuses.leaf(statuses.FAIL, error=node.trouble)
    phase = node.standing.phase(now)
    if phase is Phase.HEALTHY:
        return Status(
            status_code=node.status.status_code, components=None, details=node.status.details
        )
    return Status(
        status_code=statuses.WARN,
        components=None,
        details={**node.status.details, "phase": phase.value},
    )
