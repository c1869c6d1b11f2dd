"""What of a compute node the network sees."""

import asyncio
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version

from uvicorn import Config

from hermetic.clock import system_clock
from hermetic.compute.app import application, endpoints
from hermetic.compute.calls import ComputeCalls, ComputeProtocol, Door
from hermetic.compute.standing import Standing
from hermetic.config.compute import ComputeSettings
from hermetic.http.clients import Clients
from hermetic.http.requests import RequestIds
from hermetic.http.status import StatusApi
from hermetic.node.health import Health
from hermetic.node.listener import Listener
from hermetic.node.metrics import Metrics, Sources
from hermetic.wiring.computework import Work
from hermetic.wiring.limits import listening_limits, wire_limits
from hermetic.wiring.sealing import Sealing


class ComputeFace:
    """The listener, its protocol and its endpoints; `health` is to be started and stopped."""

    def __init__(self, settings: ComputeSettings, sealing: Sealing, work: Work, door: Door) -> None:
        self._context = sealing.context.base if sealing.context else None
        self._bounds = listening_limits(settings.limits)
        self._listener: Listener | None = None
        self.restart: Callable[[], None] = lambda: None
        self.health = Health({"workers": work.execution.probe, "certificate": sealing.probe})
        metrics, limits = Metrics(self._sources(sealing, work)), wire_limits(settings.limits)
        standing = Standing(
            self.health,
            work.execution.capacity,
            system_clock,
            version("hermetic"),
            system_clock(),
        )
        status = StatusApi(self.health, metrics, standing, metrics_open=True, status_open=True)
        app = application(
            endpoints(
                work.placements,
                work.execution,
                work.sessions,
                status,
                limits,
                self._begin_again,
            )
        )
        calls = ComputeCalls(
            door=door,
            routes=work.placements,
            execution=work.execution,
            metrics=metrics,
            ids=RequestIds(secrets.token_hex(4)),
            limits=limits,
        )
        config = Config(app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        self.clients = Clients(config, ComputeProtocol, calls, system_clock)

    async def listen(
        self, sockets: Sequence[socket.socket], connect: Callable[[], asyncio.Protocol]
    ) -> Listener:
        """Begin to accept connections; see `node.server.Listen`."""
        self._listener = await Listener.start(sockets, connect, self._context, limits=self._bounds)
        return self._listener

    def _begin_again(self) -> None:
        self.restart()

    def _sources(self, sealing: Sealing, work: Work) -> Sources:
        return Sources(
            capacity=work.execution.capacity,
            restarts=lambda: work.execution.metrics.ended,
            expiries=sealing.seconds_left,
            handshakes_refused=self._refused,
            active_requests=lambda: self.clients.active_requests,
        )

    def _refused(self) -> Mapping[str, int]:
        return self._listener.refused if self._listener else {}
