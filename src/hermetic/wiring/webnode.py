"""A web node: answers clients, and gives calls and sessions to compute nodes."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import uvloop

from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.web import WebSettings
from hermetic.node import host
from hermetic.node.server import bind
from hermetic.wiring import life
from hermetic.wiring.azureml import azureml
from hermetic.wiring.azureml_standing import on_web_node
from hermetic.wiring.backend import back_end
from hermetic.wiring.company import identity_of
from hermetic.wiring.facing import facing, web_server
from hermetic.wiring.keeping import kept_as_told
from hermetic.wiring.life import EVERYWHERE, Announce, Ready, Task
from hermetic.wiring.presenting import seal
from hermetic.wiring.together import token_key, wished
from hermetic.wiring.unsealing import opened
from hermetic.wiring.webparts import assembled

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
    settings = opened(home, written)
    kestrel = settings.kestrel
    with ExitStack() as closing:
        sockets = bind(kestrel.interface, kestrel.port)
        for one in sockets:
            closing.callback(one.close)
        bound = sorted({kestrel.interface} - EVERYWHERE)
        names = host.names(settings.certificates.names, bound=bound)
        kept = kept_as_told(home, settings, system_clock)
        key = await token_key(home, settings, system_clock)
        sealing = await seal(home, wished(settings, names, kept, key), system_clock)
        section = settings.back_end_configuration.client_certificate
        known_by = dict.fromkeys((*settings.certificates.names, *host.outward(names)))
        backend, tasks = await back_end(home, section, tuple(known_by), system_clock)
        backend.list_in(sealing.certification)
        port = sockets[0].getsockname()[1]
        identity = identity_of(settings, sealing, port, key)
        async with (
            assembled(settings, kept, backend, identity, system_clock) as parts,
            azureml(home, on_web_node(settings, parts, port), sealing, key) as azure,
        ):
            inside = kept.database, identity.key
            face = await facing(home, settings, sealing, parts.behind(sealing), inside, azure)
            # Environments of scripts are where code runs, and not here.
            sweeps = [parts.sweep, *([partial(azure.sweep, None)] if azure else ())]
            beside: list[Task] = [
                *tasks,
                *parts.tasks,
                *sealing.watching(sockets),
                *face.tasks,
                partial(_sweep, sweeps),
            ]
            await face.health.start()
            try:
                # Last of all: a generated password is shown once, and must not be lost.
                generated = await parts.offer.accounts.start(password)
                here = life.url_of(kestrel.interface, port, sealed=kestrel.https_enabled)
                ready = Ready(here, sealing.ca, os.getpid(), generated)
                announced = partial(life.announced, home, ready, announce)
                await life.serve_beside(web_server(sockets, face, settings), beside, announced)
            finally:
                await face.health.stop()


async def _sweep(sweeps: Sequence[Task]) -> None:
    while True:
        await asyncio.sleep(_SWEEP_S)
        for one in sweeps:
            await one()
