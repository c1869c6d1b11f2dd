"""A compute node: runs services and sessions for the web nodes that it lets in."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version

import uvloop
from uvicorn import Config

from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.compute.app import application, endpoints
from hermetic.compute.calls import ComputeCalls, ComputeProtocol, Door, OpenDoor
from hermetic.compute.hosting import LocalSessions
from hermetic.compute.placements import Placements
from hermetic.compute.pool import LocalExecution
from hermetic.compute.sessions import SessionInterpreters
from hermetic.compute.standing import Standing
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home
from hermetic.http.clients import Clients
from hermetic.http.requests import RequestIds
from hermetic.http.status import StatusApi
from hermetic.node import host
from hermetic.node.health import Health
from hermetic.node.listener import Listener
from hermetic.node.metrics import Metrics, Sources
from hermetic.node.server import NodeServer, bind
from hermetic.registry.bundles import BundleArchive
from hermetic.tls.trust import LiveTrust
from hermetic.wiring import life
from hermetic.wiring.entry import Reread, guarded, refuse_openness
from hermetic.wiring.face import listening_limits, wire_limits
from hermetic.wiring.keeping import bounds_of
from hermetic.wiring.life import EVERYWHERE, Announce, Ready
from hermetic.wiring.parts import limits_of
from hermetic.wiring.sealing import Sealing, Wish, seal, unsealed_listener

_SWEEP_S = 60.0
_LAST_S = 1.0


@dataclass(frozen=True)
class _Work:
    """What a compute node does, whoever asks for it."""

    execution: LocalExecution
    placements: Placements
    sessions: LocalSessions

    async def sweep(self) -> None:
        """Forget what nobody used for long, again and again until cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_S)
            await self.placements.sweep(asyncio.get_running_loop().time())
            await self.sessions.sweep()


def serve(home: Home, settings: ComputeSettings, *, reread: Reread, announce: Announce) -> bool:
    """Run a compute node in *home*, which this process holds, until it is told to stop.

    Returns whether it is to be started again, as a web node may ask of it.

    Raises:
        Unavailable: The port is taken.
        BadConfiguration: Something in the home or the settings keeps it from starting.
    """
    life.begin_logging(settings.logging.log_level.default)
    return uvloop.run(_serve(home, settings, reread, announce))


async def _serve(home: Home, settings: ComputeSettings, reread: Reread, announce: Announce) -> bool:
    refuse_openness(settings)
    with ExitStack() as opened:
        sockets = bind(settings.kestrel.interface, settings.kestrel.port)
        for one in sockets:
            opened.callback(one.close)
        trust, trusting = await guarded(home, settings, reread, system_clock)
        sealing = await _sealed(home, settings, trust)
        async with _working(home, settings) as work:
            face = _Face(settings, sealing, work, trust.peers if trust else OpenDoor())
            await face.health.start()
            try:
                server = _server(sockets, face, settings)
                kestrel, port = settings.kestrel, server.ports[0]
                url = life.url_of(kestrel.interface, port, sealed=kestrel.https_enabled)
                tasks = [*sealing.watching(sockets), *trusting, work.sweep]
                announced = partial(life.announced, home, Ready(url, sealing.ca, os.getpid()))
                await life.serve_beside(server, tasks, partial(announced, announce))
            finally:
                await face.health.stop()
        return server.again


def _server(sockets: list[socket.socket], face: "_Face", settings: ComputeSettings) -> NodeServer:
    server = NodeServer(
        sockets,
        face.listen,
        face.clients,
        drained=lambda: life.draining(face.health, again=server.again),
        grace_s=settings.limits.drain_seconds,
    )
    face.restart = partial(server.stop, again=True)
    return server


async def _sealed(home: Home, settings: ComputeSettings, trust: LiveTrust | None) -> Sealing:
    kestrel = settings.kestrel
    if not kestrel.https_enabled:
        return unsealed_listener(home, system_clock)
    names = host.names(settings.certificates.names, bound=sorted({kestrel.interface} - EVERYWHERE))
    wish = Wish.of(
        Role.COMPUTE,
        names,
        settings.tls,
        settings.certificates,
        kestrel.https_certificate,
        trust=trust,
    )
    return await seal(home, wish, system_clock)


@asynccontextmanager
async def _working(home: Home, settings: ComputeSettings) -> AsyncIterator[_Work]:
    bounds = bounds_of(settings.limits.upload_bytes)
    limits = limits_of(settings.pool, settings.limits)
    async with AsyncExitStack() as stack:
        bundles = BundleArchive(home.bundles, home.unpacked, clock=system_clock, bounds=bounds)
        await bundles.start()
        execution = LocalExecution(home.work, limits=limits, hidden=home.root)
        await execution.start()
        stack.push_async_callback(execution.stop, _LAST_S)
        interpreters = SessionInterpreters(execution.workforce, execution.orders, limits)
        sessions = LocalSessions(
            home.sessions, interpreters=interpreters, clock=system_clock, bounds=bounds
        )
        await sessions.start()
        stack.push_async_callback(sessions.stop)
        yield _Work(execution, Placements(execution, bundles), sessions)


class _Face:
    """What of a compute node the network sees."""

    def __init__(
        self, settings: ComputeSettings, sealing: Sealing, work: _Work, door: Door
    ) -> None:
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

    def _sources(self, sealing: Sealing, work: _Work) -> Sources:
        return Sources(
            capacity=work.execution.capacity,
            restarts=lambda: work.execution.metrics.ended,
            expiries=sealing.seconds_left,
            handshakes_refused=self._refused,
            active_requests=lambda: self.clients.active_requests,
        )

    def _refused(self) -> Mapping[str, int]:
        return self._listener.refused if self._listener else {}
