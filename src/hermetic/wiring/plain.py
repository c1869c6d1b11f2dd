"""A listener without TLS, beside the one with: for what was deployed to go without, alone."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Sequence

from starlette.types import ASGIApp
from uvicorn import Config

from hermetic.client.execution import Execution
from hermetic.clock import system_clock
from hermetic.config.sections import Limits as Bounds
from hermetic.gateway.routing import Routes
from hermetic.http.calls import CallProtocol, Calls
from hermetic.http.clients import Clients
from hermetic.http.requests import RequestIds
from hermetic.log import logger
from hermetic.node.listener import Listener
from hermetic.node.metrics import Metrics
from hermetic.node.server import NodeServer
from hermetic.wiring.limits import listening_limits, wire_limits

log = logger(__name__)


class PlainListener:
    """Serves *app* on *sockets* in plain HTTP until it is told to stop."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        app: ASGIApp,
        bounds: Bounds,
        execution: Execution,
        metrics: Metrics,
    ) -> None:
        self._limits = listening_limits(bounds)
        shared = Calls(
            routes=Routes(),  # nothing is published here: all of it is for *app*
            execution=execution,
            metrics=metrics,
            ids=RequestIds(secrets.token_hex(4)),
            limits=wire_limits(bounds),
        )
        config = Config(app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        clients = Clients(config, CallProtocol, shared, system_clock)
        self._server = NodeServer(sockets, self._listen, clients, grace_s=bounds.drain_seconds)
        log.warning("listener.plain_http", ports=self._server.ports)

    def stop(self) -> None:
        """Take no more, and finish what was begun."""
        self._server.stop()

    async def run(self) -> None:
        """Serve until told to stop."""
        await self._server.serve()

    async def _listen(
        self, sockets: Sequence[socket.socket], connect: Callable[[], asyncio.Protocol]
    ) -> Listener:
        return await Listener.start(sockets, connect, None, limits=self._limits)
