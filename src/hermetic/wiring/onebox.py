"""One box: everything of an installation in one process, its workers beside it."""

import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import uvloop

from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.node import host
from hermetic.node.server import bind
from hermetic.wiring import life
from hermetic.wiring.azureml import azureml
from hermetic.wiring.azureml_face import AzureMlFace
from hermetic.wiring.azureml_standing import on_box
from hermetic.wiring.facing import facing, web_server
from hermetic.wiring.life import EVERYWHERE, Announce, Ready, Task
from hermetic.wiring.parts import Parts, assembled
from hermetic.wiring.presenting import seal
from hermetic.wiring.sealing import Sealing
from hermetic.wiring.token_signing import signing_key
from hermetic.wiring.wish import Wish

_SWEEP_S = 600.0


def serve(home: Home, settings: Settings, *, password: str | None, announce: Announce) -> None:
    """Run one box in *home*, which this process holds, until it is told to stop.

    Raises:
        Unavailable: The port is taken.
        BadConfiguration: Something in the home or the settings keeps it from starting.
        StorageFull: There is no room for what is made at a first start.
    """
    life.begin_logging(settings.logging.log_level.default)
    uvloop.run(_serve(home, settings, password, announce))


async def _serve(home: Home, settings: Settings, password: str | None, announce: Announce) -> None:
    with ExitStack() as opened:
        sockets = bind(settings.kestrel.host, settings.kestrel.port)
        for one in sockets:
            opened.callback(one.close)
        sealing = await _sealed(home, settings)
        key = await signing_key(home, None, system_clock)
        port = sockets[0].getsockname()[1]
        async with (
            assembled(home, settings, key, system_clock) as parts,
            azureml(home, on_box(settings, parts, port), sealing, key) as azure,
        ):
            inside = parts.kept.database, key
            face = await facing(home, settings, sealing, parts.behind(sealing), inside, azure)
            await face.health.start()
            try:
                # Last of all: a generated password is shown once, and must not be lost on the way.
                generated = await parts.offer.accounts.start(password)
                server = web_server(sockets, face, settings)
                kestrel = settings.kestrel
                url = life.url_of(kestrel.host, port, sealed=kestrel.https_enabled)
                ready = Ready(url, sealing.ca, os.getpid(), generated)
                tasks: list[Task] = [
                    *sealing.watching(sockets),
                    *face.tasks,
                    partial(_sweep, parts, azure),
                ]
                announced = partial(life.announced, home, ready, announce)
                await life.serve_beside(server, tasks, announced)
            finally:
                await face.health.stop()


async def _sealed(home: Home, settings: Settings) -> Sealing:
    if not settings.kestrel.https_enabled:
        return await seal(home, None, system_clock)
    bound = {settings.kestrel.host} - EVERYWHERE
    names = host.names(settings.certificates.names, bound=sorted(bound))
    wish = Wish.of(Role.API, names, settings.tls, settings.certificates)
    return await seal(home, replace(wish, port=settings.kestrel.port), system_clock)


async def _sweep(parts: Parts, azure: AzureMlFace | None) -> None:
    # What is deployed has been read by now, so the first time need not wait.
    while True:
        if azure is not None:
            await azure.sweep(parts.environments)
        await parts.sweep()
        await asyncio.sleep(_SWEEP_S)
