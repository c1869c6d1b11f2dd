"""A web node: answers clients, and gives calls and sessions to compute nodes."""

import asyncio
import importlib
import os
import socket
from contextlib import ExitStack
from functools import partial

import uvloop

from hermetic.certificates.keys import PrivateKey
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import thumbprints
from hermetic.certstore.stores import PLACES, Stores
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.secrets import unsealed
from hermetic.config.web import WebSettings
from hermetic.errors import BadConfiguration
from hermetic.node import host
from hermetic.node.server import NodeServer, bind
from hermetic.wiring import life
from hermetic.wiring.backend import back_end
from hermetic.wiring.face import Face
from hermetic.wiring.keeping import Kept, kept_in
from hermetic.wiring.life import EVERYWHERE, Announce, Ready, Task
from hermetic.wiring.sealing import Sealing, Wish, choice_of, seal, unsealed_listener
from hermetic.wiring.token_signing import signing_key
from hermetic.wiring.webparts import Identity, WebParts, assembled

_SWEEP_S = 600.0


def serve(home: Home, settings: WebSettings, *, password: str | None, announce: Announce) -> None:
    """Run a web node in *home*, which this process holds, until it is told to stop.

    Raises:
        Unavailable: The port is taken, or the database does not answer.
        BadConfiguration: Something in the home or the settings keeps it from starting.
    """
    life.begin_logging(settings.logging.log_level.default)
    uvloop.run(_serve(home, settings, password, announce))


async def _serve(
    home: Home, written: WebSettings, password: str | None, announce: Announce
) -> None:
    settings = unsealed(written, partial(_key_of, home))
    kestrel = settings.kestrel
    with ExitStack() as opened:
        sockets = bind(kestrel.interface, kestrel.port)
        for one in sockets:
            opened.callback(one.close)
        bound = sorted({kestrel.interface} - EVERYWHERE)
        names = host.names(settings.certificates.names, bound=bound)
        sealing = await _sealed(home, settings, names)
        section = settings.back_end_configuration.client_certificate
        known_by = dict.fromkeys((*settings.certificates.names, *host.outward(names)))
        backend, tasks = await back_end(home, section, tuple(known_by), system_clock)
        port = sockets[0].getsockname()[1]
        identity = await _identity(home, settings, sealing, port)
        kept = _kept(home, settings)
        async with assembled(settings, kept, backend, identity, system_clock) as parts:
            face = Face(settings.limits, settings.proxies.trusted, sealing, parts.behind(sealing))
            beside: list[Task] = [
                *tasks,
                *parts.tasks,
                *sealing.watching(sockets),
                partial(_sweep, parts),
            ]
            await face.health.start()
            try:
                # Last of all: a generated password is shown once, and must not be lost.
                generated = await parts.accounts.start(password)
                here = life.url_of(kestrel.interface, port, sealed=kestrel.https_enabled)
                ready = Ready(here, sealing.ca, os.getpid(), generated)
                announced = partial(life.announced, home, ready, announce)
                await life.serve_beside(_server(sockets, face, settings), beside, announced)
            finally:
                await face.health.stop()


def _server(sockets: list[socket.socket], face: Face, settings: WebSettings) -> NodeServer:
    return NodeServer(
        sockets,
        face.listen,
        face.clients,
        drained=partial(life.draining, face.health),
        grace_s=settings.limits.drain_seconds,
        notice_s=settings.limits.notice_seconds,
    )


def _key_of(home: Home, thumbprint: str) -> PrivateKey | None:
    """Return the private key of the certificate with that SHA-1 thumbprint, from any store."""
    stores = Stores(home.stores)
    for place in PLACES:
        for one in stores.credentials(*place):
            if thumbprint.lower() in thumbprints(one.chain.leaf):
                return one.key
    return None


async def _sealed(home: Home, settings: WebSettings, names: tuple[str, ...]) -> Sealing:
    if not settings.kestrel.https_enabled:
        return unsealed_listener(home, system_clock)
    choice = settings.kestrel.https_certificate
    wish = Wish.of(Role.API, names, settings.tls, settings.certificates, choice)
    return await seal(home, wish, system_clock)


async def _identity(home: Home, settings: WebSettings, sealing: Sealing, port: int) -> Identity:
    section = settings.authentication.jwt_signing_certificate
    choice = choice_of(section) if section.is_chosen else None
    key = await signing_key(home, choice, system_clock)
    kestrel = settings.kestrel
    name = next(
        (one for one in (*settings.certificates.names, kestrel.interface) if one not in EVERYWHERE),
        _presented_name(sealing) or socket.gethostname(),
    )
    return Identity(life.url_of(name, port, sealed=kestrel.https_enabled), key)


def _presented_name(sealing: Sealing) -> str | None:
    """Return the first name of the certificate by which others can reach this machine."""
    if sealing.context is None:
        return None
    names = sealing.context.credential.chain.names
    return next((one for one in names if one not in host.LOOPBACK and "*" not in one), None)


def _kept(home: Home, settings: WebSettings) -> Kept:
    """Return what is kept in the home, or in the database that several web nodes share."""
    upload, postgresql = settings.limits.upload_bytes, settings.connection_strings.postgresql
    if not postgresql.enabled:
        return kept_in(home, upload, system_clock)
    try:
        shared = importlib.import_module("hermetic.wiring.shared")
    except ModuleNotFoundError as error:
        raise BadConfiguration(
            f"ConnectionStrings.postgresql is enabled, and {error.name} is not installed:"
            ' `pip install "hermetic[node,postgresql]"` brings it.'
        ) from error
    kept: Kept = shared.kept_at(home, postgresql.connection, upload, system_clock)
    return kept


async def _sweep(parts: WebParts) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        await parts.sweep()
