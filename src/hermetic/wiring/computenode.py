"""A compute node: runs services and sessions for the web nodes that it lets in."""

import os
import socket
from contextlib import ExitStack
from functools import partial

import uvloop

from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.compute.calls import OpenDoor
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home
from hermetic.http.local import LocalDoor
from hermetic.node import host
from hermetic.node.server import NodeServer, bind
from hermetic.web.api.certificates import CertificatesApi
from hermetic.wiring import life
from hermetic.wiring.computeface import ComputeFace
from hermetic.wiring.computework import working
from hermetic.wiring.entry import Reread, guarded, refuse_openness
from hermetic.wiring.life import EVERYWHERE, Announce, Ready
from hermetic.wiring.presenting import seal
from hermetic.wiring.wish import wish_of


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
        names = _names(settings)
        sealing = await seal(home, wish_of(Role.COMPUTE, names, settings, trust), system_clock)
        async with working(home, settings) as work:
            face = ComputeFace(settings, sealing, work, trust.peers if trust else OpenDoor())
            await face.health.start()
            try:
                server = _server(sockets, face, settings)
                kestrel, port = settings.kestrel, server.ports[0]
                url = life.url_of(kestrel.interface, port, sealed=kestrel.https_enabled)
                door = LocalDoor(home.root, CertificatesApi(sealing.certification).endpoints())
                tasks = [*sealing.watching(sockets), *trusting, work.sweep, door.run]
                announced = partial(life.announced, home, Ready(url, sealing.ca, os.getpid()))
                await life.serve_beside(server, tasks, partial(announced, announce))
            finally:
                await face.health.stop()
        return server.again


def _server(
    sockets: list[socket.socket], face: ComputeFace, settings: ComputeSettings
) -> NodeServer:
    server = NodeServer(
        sockets,
        face.listen,
        face.clients,
        drained=lambda: life.draining(face.health, again=server.again),
        grace_s=settings.limits.drain_seconds,
    )
    face.restart = partial(server.stop, again=True)
    return server


def _names(settings: ComputeSettings) -> tuple[str, ...]:
    bound = sorted({settings.kestrel.interface} - EVERYWHERE)
    return host.names(settings.certificates.names, bound=bound)
