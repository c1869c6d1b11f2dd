"""A whole compute node but for TLS and worker processes: real placements, API and protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hermetic.client.hosting import SessionHost
from hermetic.clock import Clock, system_clock
from hermetic.compute.app import application, endpoints
from hermetic.compute.calls import ComputeCalls, ComputeProtocol, Door, OpenDoor
from hermetic.compute.placements import Placements
from hermetic.compute.standing import Standing
from hermetic.http.clients import Clients
from hermetic.http.limits import WireLimits
from hermetic.http.requests import RequestIds
from hermetic.http.status import StatusApi
from hermetic.node.health import Health
from hermetic.node.metrics import Metrics
from hermetic.node.server import Listen, NodeServer, bind
from hermetic.registry.bundles import BundleArchive
from tests.support.execution import InstantExecution
from tests.support.hosting import PlayedSessions
from tests.support.wire import RawClient, configured, listen_plainly

DEADLINE_S = 10.0


@dataclass
class ComputeNode:
    """A node that runs, and what stands behind it."""

    port: int
    execution: InstantExecution
    placements: Placements
    clients: Clients[ComputeCalls]
    server: NodeServer
    serving: asyncio.Task[bool]
    restarts: list[None]
    """As many as it was asked to begin again."""

    async def connect(self) -> RawClient:
        return RawClient(*await asyncio.open_connection("127.0.0.1", self.port))

    async def stop(self) -> None:
        """Drain it, as SIGTERM does."""
        self.server.stop()
        async with asyncio.timeout(DEADLINE_S):
            await self.serving


@asynccontextmanager
async def compute_node(
    home: Path,
    *,
    door: Door | None = None,
    listen: Listen = listen_plainly,
    sessions: SessionHost | None = None,
    limits: WireLimits | None = None,
    port: int = 0,
    clock: Clock = system_clock,
) -> AsyncIterator[ComputeNode]:
    """Run a node in *home* until left."""
    execution = InstantExecution()
    bundles = BundleArchive(home / "bundles", home / "unpacked", clock=system_clock)
    await bundles.start()
    placements = Placements(execution, bundles)
    health, metrics = Health({"workers": execution.probe}), Metrics()
    await health.start()
    restarts: list[None] = []
    standing = Standing(health, execution.capacity, clock, "0.0-test", clock())
    answered = StatusApi(health, metrics, standing, metrics_open=True, status_open=True)
    app = application(
        endpoints(
            placements,
            execution,
            sessions or PlayedSessions(),
            answered,
            limits or WireLimits(),
            lambda: restarts.append(None),
        )
    )
    calls = ComputeCalls(
        door=door or OpenDoor(),
        routes=placements,
        execution=execution,
        metrics=metrics,
        ids=RequestIds("compute"),
        limits=limits,
    )
    clients = Clients(configured(app), ComputeProtocol, calls, system_clock)
    server = NodeServer(bind("127.0.0.1", port), listen, clients, grace_s=5.0)
    serving = asyncio.create_task(server.serve())
    await server.started.wait()
    node = ComputeNode(server.ports[0], execution, placements, clients, server, serving, restarts)
    try:
        yield node
    finally:
        await node.stop()
        await health.stop()
