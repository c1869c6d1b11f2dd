"""The web of a node together with our authority, which certifies for others there."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.database.database import Database
from hermetic.node.server import NodeServer
from hermetic.wiring.behind import Behind
from hermetic.wiring.certifying import certifier
from hermetic.wiring.face import Face
from hermetic.wiring.life import draining
from hermetic.wiring.own import own_authority
from hermetic.wiring.sealing import Sealing


async def facing(
    home: Home,
    settings: Settings | WebSettings,
    sealing: Sealing,
    behind: Behind,
    kept: tuple[Database, RSAPrivateKey],
) -> Face:
    """Return the web of the node in *home*; *kept* is its database, and the key of its tokens.

    Raises:
        BadConfiguration: The authority of the home is lost, or has expired.
        StorageFull: There is no room for a new one.
    """
    authority = await asyncio.to_thread(own_authority, home, system_clock)
    acme, lists = certifier(home, authority, *kept, system_clock)
    lists.publishes = sealing.authority is not None
    cases = replace(behind.cases, certifying=acme)
    face = Face(settings.limits, settings.proxies.trusted, sealing, replace(behind, cases=cases))
    face.tasks += (lists.run, acme.replacing.run)
    return face


def web_server(
    sockets: list[socket.socket],
    face: Face,
    settings: Settings | WebSettings,
    drained: Callable[[], None] = lambda: None,
) -> NodeServer:
    """Return what serves *face* on *sockets*; *drained* is told when it begins to stop."""

    def begin_to_stop() -> None:
        draining(face.health)
        drained()

    notice_s = settings.limits.notice_seconds if isinstance(settings, WebSettings) else 0.0
    return NodeServer(
        sockets,
        face.listen,
        face.clients,
        drained=begin_to_stop,
        grace_s=settings.limits.drain_seconds,
        notice_s=notice_s,
    )
