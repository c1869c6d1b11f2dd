"""The life of a process that serves: *started → ready → draining → gone*.

What all kinds of node have in common of it: the log, what runs beside the server, whoever wants
to know that it is ready, and its end.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hermetic import log as logs
from hermetic.config.home import Home, write_record
from hermetic.config.tree import Note
from hermetic.log import logger
from hermetic.node.health import Health
from hermetic.node.notify import READY, STOPPING, Manager, reloading, status
from hermetic.node.process import identity_of
from hermetic.node.server import NodeServer

Task = Callable[[], Coroutine[None, None, None]]
"""Something that runs beside the server until it is cancelled."""

EVERYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on
_LEVELS = {
    "Verbose": logging.DEBUG,
    "Debug": logging.DEBUG,
    "Information": logging.INFO,
    "Warning": logging.WARNING,
    "Error": logging.ERROR,
    "Critical": logging.CRITICAL,
}

log = logger(__name__)


@dataclass(frozen=True)
class Ready:
    """What a person needs once the node answers; `password` only if one was generated."""

    url: str
    ca: Path | None
    pid: int
    password: str | None = field(default=None, repr=False)


Announce = Callable[[Ready], None]


def begin_logging(level: str) -> None:
    """Let events of *level*, in the words of the settings, and graver ones be logged."""
    logs.configure(node=socket.gethostname(), level=_LEVELS[level])


def tell_notes(notes: Sequence[Note]) -> None:
    """Log what people should know of their settings."""
    for note in notes:
        log.warning("settings.note", setting=note.key, text=note.text, origin=note.origin)


def url_of(host: str, port: int, *, sealed: bool) -> str:
    """Return the address at which somebody on this machine reaches what listens on *host*."""
    name = "localhost" if host in EVERYWHERE else host
    scheme = "https" if sealed else "http"
    return f"{scheme}://[{name}]:{port}" if ":" in name else f"{scheme}://{name}:{port}"


async def serve_beside(
    server: NodeServer, tasks: Sequence[Task], ready: Callable[[], AbstractContextManager[None]]
) -> None:
    """Serve until told to stop, with *tasks* beside; if one of them fails, all end with it.

    A service manager that wants to know is told when it begins and when it ends.
    """
    manager = Manager(os.environ)
    try:
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(one()) for one in (*tasks, manager.watch)]
            serving = group.create_task(server.serve_until_signal())
            await server.started.wait()
            with ready():
                manager.tell(READY, status(f"Serving on port {server.ports[0]}."))
                await serving
            for task in beside:
                task.cancel()
    except BaseExceptionGroup as failures:
        # The group wraps what was raised; the border of the command wants the one error.
        raise failures.exceptions[0] from failures


def draining(health: Health, *, again: bool = False) -> None:
    """Be unready, and tell the service manager that the node is on its way out, or comes back."""
    health.drain()
    told = reloading(time.clock_gettime(time.CLOCK_MONOTONIC)) if again else STOPPING
    Manager(os.environ).tell(told, status("Finishing what was begun."))


@contextmanager
def announced(home: Home, ready: Ready, announce: Announce) -> Iterator[None]:
    """Let people and the commands of this home know of the node, for as long as it runs."""
    record = {
        "url": ready.url,
        "ca": str(ready.ca) if ready.ca else None,
        "pid": ready.pid,
        "process": identity_of(ready.pid),
    }
    write_record(home.running, record)
    try:
        announce(ready)
        yield
    finally:
        home.running.unlink(missing_ok=True)
