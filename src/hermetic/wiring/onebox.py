"""One box: everything of a node in one process, its workers beside it.

Its life is *started → ready → draining → gone*.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import uvloop

from hermetic import log as logs
from hermetic.clock import system_clock
from hermetic.config.home import Home, write_record
from hermetic.config.settings import Settings
from hermetic.node import host
from hermetic.node.server import NodeServer, bind
from hermetic.wiring.face import Face
from hermetic.wiring.parts import Parts, assembled
from hermetic.wiring.sealing import Task, seal

_LEVELS = {
    "Verbose": logging.DEBUG,
    "Debug": logging.DEBUG,
    "Information": logging.INFO,
    "Warning": logging.WARNING,
    "Error": logging.ERROR,
    "Critical": logging.CRITICAL,
}
_SWEEP_S = 600.0
_EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on


@dataclass(frozen=True)
class Ready:
    """What a person needs once the box answers; `password` only if one was generated."""

    url: str
    ca: Path | None
    pid: int
    password: str | None = field(default=None, repr=False)


Announce = Callable[[Ready], None]


def serve(home: Home, settings: Settings, *, password: str | None, announce: Announce) -> None:
    """Run one box in *home*, which this process holds, until it is told to stop.

    Raises:
        Unavailable: The port is taken.
        BadConfiguration: Something in the home or the settings keeps it from starting.
        StorageFull: There is no room for what is made at a first start.
    """
    logs.configure(node=socket.gethostname(), level=_LEVELS[settings.logging.log_level.default])
    uvloop.run(_serve(home, settings, password, announce))


async def _serve(home: Home, settings: Settings, password: str | None, announce: Announce) -> None:
    with ExitStack() as opened:
        sockets = bind(settings.kestrel.host, settings.kestrel.port)
        for one in sockets:
            opened.callback(one.close)
        bound = {settings.kestrel.host} - _EVERYWHERE
        names = host.names(settings.certificates.names, bound=sorted(bound))
        sealing = await seal(home, settings, names, system_clock)
        async with assembled(home, settings, sealing, system_clock) as parts:
            face = Face(settings, sealing, parts)
            await face.health.start()
            try:
                # Last of all: a generated password is shown once, and must not be lost on the way.
                generated = await parts.accounts.start(password)
                server = NodeServer(
                    sockets,
                    face.listen,
                    face.clients,
                    drained=face.health.drain,
                    grace_s=settings.limits.drain_seconds,
                )
                url = _url(settings, server.ports[0])
                ready = Ready(url, sealing.ca, os.getpid(), generated)
                tasks: list[Task] = [*sealing.tasks, partial(_sweep, parts)]
                await _serve_beside(server, tasks, partial(_announced, home, ready, announce))
            finally:
                await face.health.stop()


async def _serve_beside(
    server: NodeServer, tasks: Sequence[Task], ready: Callable[[], AbstractContextManager[None]]
) -> None:
    """Serve until told to stop, with *tasks* beside; if one of them fails, all end with it."""
    try:
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(one()) for one in tasks]
            serving = group.create_task(server.serve_until_signal())
            await server.started.wait()
            with ready():
                await serving
            for task in beside:
                task.cancel()
    except BaseExceptionGroup as failures:
        # The group wraps what was raised; the border of the command wants the one error.
        raise failures.exceptions[0] from failures


async def _sweep(parts: Parts) -> None:
    """Clear away now and then what nobody refers to, and sessions nobody uses."""
    while True:
        await asyncio.sleep(_SWEEP_S)
        await parts.publishing.sweep()
        await parts.hosted.sweep()


@contextmanager
def _announced(home: Home, ready: Ready, announce: Announce) -> Iterator[None]:
    """Let people and the commands of this home know of the box, for as long as it runs."""
    record = {"url": ready.url, "ca": str(ready.ca) if ready.ca else None, "pid": ready.pid}
    write_record(home.running, record)
    try:
        announce(ready)
        yield
    finally:
        home.running.unlink(missing_ok=True)


def _url(settings: Settings, port: int) -> str:
    name = settings.kestrel.host
    if name in _EVERYWHERE:
        name = "localhost"
    scheme = "https" if settings.kestrel.https_enabled else "http"
    return f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"
