"""The web of a node together with our authority, which certifies for others there."""

import asyncio
import socket
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.database.database import Database
from hermetic.node.server import NodeServer
from hermetic.wiring.azureml_beside import besides
from hermetic.wiring.azureml_face import AzureMlFace
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
    azure: AzureMlFace | None = None,
) -> Face:
    """Return the web of the node in *home*.

    Args:
        home: The home of the node.
        settings: What it was told.
        sealing: How connections are sealed.
        behind: What stands behind it.
        kept: Its database, and the key of its tokens.
        azure: The face of Azure ML that stands in front of it, if there is one.

    Raises:
        BadConfiguration: The authority of the home is lost, or has expired.
        StorageFull: There is no room for a new one.
    """
    authority = await asyncio.to_thread(own_authority, home, system_clock)
    acme, lists = certifier(home, authority, *kept, system_clock)
    lists.publishes = sealing.authority is not None
    cases = replace(behind.cases, certifying=acme)
    behind = replace(behind, cases=cases)
    if azure is None:
        face = Face(settings.limits, settings.proxies.trusted, sealing, behind)
    else:
        before = azure.before(behind)
        face = Face(settings.limits, settings.proxies.trusted, azure.sealing, before)
        more = besides(azure, settings.limits, face.metrics, behind.execution)
        face.tasks += more.tasks
        face.drained = more.drained
    face.tasks += (lists.run, acme.replacing.run)
    return face


def web_server(
    sockets: list[socket.socket],
    face: Face,
    settings: Settings | WebSettings,
) -> NodeServer:
    """Return what serves *face* on *sockets*."""

    def begin_to_stop() -> None:
        draining(face.health)
        face.drained()

    notice_s = settings.limits.notice_seconds if isinstance(settings, WebSettings) else 0.0
    return NodeServer(
        sockets,
        face.listen,
        face.clients,
        drained=begin_to_stop,
        grace_s=settings.limits.drain_seconds,
        notice_s=notice_s,
    )
