"""One box: everything of a node in one process, its workers beside it.

Its life is *started → ready → draining → gone*.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import uvloop
from uvicorn import Config

from hermetic import log as logs
from hermetic.cli.parts import Parts, assembled
from hermetic.cli.sealing import Sealing, Task, seal
from hermetic.clock import system_clock
from hermetic.config.home import Home, write_record
from hermetic.config.settings import Settings
from hermetic.node.health import Health
from hermetic.node.listener import Limits as ListenerLimits
from hermetic.node.listener import Listener
from hermetic.node.metrics import Metrics, Sources
from hermetic.node.server import NodeServer, bind
from hermetic.web.app import application
from hermetic.web.cases import Insight, UseCases
from hermetic.web.clients import Clients
from hermetic.web.limits import WireLimits
from hermetic.web.requests import RequestIds
from hermetic.web.scoring import Scoring

_LEVELS = {
    "Verbose": logging.DEBUG,
    "Debug": logging.DEBUG,
    "Information": logging.INFO,
    "Warning": logging.WARNING,
    "Error": logging.ERROR,
    "Critical": logging.CRITICAL,
}
_HSTS = b"max-age=63072000"  # Two years, as Mozilla's profiles have it.
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
        sealing = await seal(home, settings, system_clock)
        async with assembled(home, settings, sealing, system_clock) as parts:
            box = _Box(settings, sealing, parts)
            await box.health.start()
            try:
                # Last of all: a generated password is shown once, and must not be lost on the way.
                generated = await parts.accounts.start(password)
                server = NodeServer(
                    sockets,
                    box.listen,
                    box.clients,
                    drained=box.health.drain,
                    grace_s=settings.limits.drain_seconds,
                )
                url = _url(settings, server.ports[0])
                ready = Ready(url, sealing.ca, os.getpid(), generated)
                tasks: list[Task] = [*sealing.tasks, partial(_sweep, parts)]
                await _serve_beside(server, tasks, partial(_announced, home, ready, announce))
            finally:
                await box.health.stop()


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


class _Box:
    """The web of one box: what answers, what counts, and what tells whether it can."""

    def __init__(self, settings: Settings, sealing: Sealing, parts: Parts) -> None:
        self._context = sealing.context.base if sealing.context else None
        self._bounds = ListenerLimits(
            connections=settings.limits.connections,
            per_address=settings.limits.connections_per_address,
        )
        self._listener: Listener | None = None
        self.health = Health(
            {
                "workers": parts.execution.probe,
                "database": parts.probe,
                "certificate": sealing.probe,
            }
        )
        metrics = Metrics(
            Sources(
                capacity=parts.execution.capacity,
                restarts=lambda: parts.execution.metrics.ended,
                expiries=sealing.seconds_left,
                handshakes_refused=self._refused,
                active_requests=lambda: self.clients.active_requests,
            )
        )
        limits = WireLimits(
            call_bytes=settings.limits.body_bytes, upload_bytes=settings.limits.upload_bytes
        )
        hsts = _HSTS if sealing.context else None
        app = application(
            UseCases(
                parts.access,
                parts.publishing,
                parts.sessions,
                parts.snapshots,
                sealing.certification,
            ),
            Insight(self.health, metrics, parts.execution.capacity),
            version=version("hermetic"),
            limits=limits,
            hsts=hsts,
        )
        scoring = Scoring(
            routes=parts.routes,
            authenticate=parts.access.authenticate,
            execution=parts.execution,
            metrics=metrics,
            ids=RequestIds(secrets.token_hex(4)),
            limits=limits,
            hsts=hsts,
        )
        config = Config(app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        self.clients = Clients(config, scoring, system_clock)

    async def listen(
        self, sockets: Sequence[socket.socket], connect: Callable[[], asyncio.Protocol]
    ) -> Listener:
        """Begin to accept connections; see `node.server.Listen`."""
        self._listener = await Listener.start(sockets, connect, self._context, limits=self._bounds)
        return self._listener

    def _refused(self) -> Mapping[str, int]:
        return self._listener.refused if self._listener else {}


async def _sweep(parts: Parts) -> None:
    """Clear away now and then what nobody refers to, and sessions nobody uses."""
    while True:
        await asyncio.sleep(_SWEEP_S)
        await parts.publishing.sweep()
        await parts.sessions.sweep()


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
    host = settings.kestrel.host
    if host in _EVERYWHERE:
        host = "localhost"
    scheme = "https" if settings.kestrel.https_enabled else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
