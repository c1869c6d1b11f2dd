"""HTTP at a Unix socket in a home: for its owner, without a token.

A compute node knows nobody's name: what it is asked about itself, on its machine, is asked by
whoever owns its home, or by root.  The kernel says who that is.  Nobody else reaches the socket:
the home is its owner's alone.
"""

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Never

from starlette.routing import Router
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.server import ServerState

from hermetic.access.principals import Principal, Role
from hermetic.client.local import SOCKET
from hermetic.errors import NotFound, NotPermitted
from hermetic.http.connection import Connection, Shared
from hermetic.http.endpoint import Endpoint, routes
from hermetic.http.gate import Gate, opened_by
from hermetic.http.limits import WireLimits
from hermetic.http.requests import RequestIds
from hermetic.log import logger

OWNER = Principal("owner of the home", Role.OWNER)
_CREDENTIALS = struct.Struct("3i")  # process, user, group: unix(7)
_SWEEP_S = 1.0

log = logger(__name__)


class _LocalConnection(Connection):
    """A connection of a process on this machine."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hear no further who is neither root nor the user of this process."""
        super().connection_made(transport)
        end = transport.get_extra_info("socket")
        told = end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        _, user, _ = _CREDENTIALS.unpack(told)
        if user not in {0, os.geteuid()}:
            self.refuse(NotPermitted("Only the owner of the home, or root, is answered here."))


class LocalDoor:
    """Answers *endpoints* at a socket in *home*, whose lock this process holds."""

    def __init__(self, home: Path, endpoints: Iterable[Endpoint]) -> None:
        table = list(endpoints)
        router = Router(routes(table), redirect_slashes=False, default=_nothing_here)
        app = Gate(router, opened_by([one.operation for one in table]), lambda _: OWNER)
        self._home = home
        self._config = Config(app, ws="none", lifespan="off", log_config=None, proxy_headers=False)
        self._shared = Shared(limits=WireLimits(), ids=RequestIds(secrets.token_hex(4)))
        self._state = ServerState()

    async def run(self) -> Never:
        """Answer until cancelled; a file system without sockets keeps no node from serving."""
        try:
            with _bound(self._home) as listening:
                await self._serve(listening)
        except OSError as error:
            log.warning("local.not_answering", reason=str(error))
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    async def _serve(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(self._connect, sock=listening)
        try:
            while True:
                await asyncio.sleep(_SWEEP_S)
                self._shared.turn.end()
                for one in self._connections():
                    one.sweep(loop.time())
        finally:
            server.close()
            for one in self._connections():
                one.transport.abort()

    def _connect(self) -> Connection:
        return _LocalConnection(self._config, self._state, self._shared)

    def _connections(self) -> list[Connection]:
        return [one for one in self._state.connections if isinstance(one, Connection)]


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotFound("There is nothing at this address.")


@contextmanager
def _bound(home: Path) -> Iterator[socket.socket]:
    # A path in a sockaddr_un has 107 bytes, and one of a home may have more.
    folder = os.open(home, os.O_PATH | os.O_DIRECTORY)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with suppress(FileNotFoundError):
            os.unlink(SOCKET, dir_fd=folder)
        listening.bind(f"/proc/self/fd/{folder}/{SOCKET}")
        yield listening
    finally:
        listening.close()
        with suppress(FileNotFoundError):
            os.unlink(SOCKET, dir_fd=folder)
        os.close(folder)
