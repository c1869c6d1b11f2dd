"""A web node's way to compute nodes: real connections, to nodes that answer without workers."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hermetic.client.execution import Answer
from hermetic.compute.calls import Door
from hermetic.errors import NotFound
from hermetic.gateway.forwarding import Forwarding
from hermetic.gateway.nodes import ComputeNode as SeenNode
from hermetic.gateway.nodes import ComputeNodes
from hermetic.serving.service import Service, ServiceKey
from hermetic.serving.uris import NodeAddress
from tests.support.computenode import ComputeNode, compute_node
from tests.support.waiting import until

DEADLINE_S = 10


@dataclass
class Forwarded:
    """A forwarding, what it knows of nodes, and the nodes themselves."""

    forwarding: Forwarding
    seen: ComputeNodes
    nodes: list[ComputeNode]
    archives: dict[str, Path]

    def start(
        self, key: ServiceKey, body: bytes = b'{"x":1}', *, within_s: float = 0.0
    ) -> tuple[int, asyncio.Future[Answer]]:
        """Begin a call; a second end of it would raise."""
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        ticket = self.forwarding.submit(key, body, done.set_result, b"web-1", within_s)
        return ticket, done

    async def call(self, key: ServiceKey, body: bytes = b'{"x":1}') -> Answer:
        return await asyncio.wait_for(self.start(key, body)[1], DEADLINE_S)

    def calls(self) -> list[int]:
        """Return how many calls came to each node."""
        return [len(node.execution.calls) for node in self.nodes]

    def at(self, node: ComputeNode) -> SeenNode:
        """Return *node* as the web node sees it."""
        found = self.seen.at(f"http://127.0.0.1:{node.port}")
        assert found is not None
        return found

    async def all_seen(self) -> None:
        """Wait until every node has answered once."""
        await until(lambda: all(one.status is not None for one in self.seen))


def addresses(nodes: Sequence[ComputeNode]) -> list[NodeAddress]:
    return [NodeAddress("http", "127.0.0.1", one.port) for one in nodes]


@asynccontextmanager
async def forwarded(
    home: Path,
    count: int = 1,
    *,
    service: Service | None = None,
    most: int = 64,
    queued: int = 10,
    doors: Mapping[int, Door] | None = None,
) -> AsyncIterator[Forwarded]:
    """Run *count* nodes and a forwarding to them until left; *doors* by the number of a node."""
    archives: dict[str, Path] = {}

    async def archive(digest: str) -> Path:
        if digest not in archives:
            raise NotFound(f"There is no bundle {digest!r}.")
        return archives[digest]

    async with AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(
                compute_node(home / f"compute-{number}", door=(doors or {}).get(number))
            )
            for number in range(count)
        ]
        seen = ComputeNodes(lambda: None, most=most, period_s=0.05)
        seen.replace(addresses(nodes))
        stack.push_async_callback(seen.stop)
        forwarding = Forwarding(seen, archive, within_s=30.0, queued=queued)
        stack.push_async_callback(forwarding.stop)
        if service is not None:
            forwarding.place(service, None)
        made = Forwarded(forwarding, seen, nodes, archives)
        if not doors:
            await made.all_seen()
        yield made
