"""A relay before a PostgreSQL, for what happens to connections on their way.

It listens on 127.0.0.1 and goes on to the server's Unix socket, in plain, so that it can see
what is said.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from enum import Enum, auto

from hermetic.database.connection_string import ConnectionParameters, SslMode
from tests.support.postgresql import Cluster

_KEEP = b"COMMIT\0"  # as it is asked for, and as it is answered


class Loss(Enum):
    """Where a connection is lost when a transaction is to be kept."""

    BEFORE = auto()
    """The server never hears of it, and sees the connection end."""
    UNNOTICED = auto()
    """The server never hears of it, nor that the connection ended."""
    AFTER = auto()
    """The server has kept it and said so, to nobody."""


class Relay:
    """What passes between a client and the server, and what is done to it."""

    def __init__(self, cluster: Cluster) -> None:
        self._socket = f"{cluster.folder}/.s.PGSQL.{cluster.port}"
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Future[None]] = set()
        self.answers = asyncio.Event()
        """Cleared, what the server says is held back."""
        self.answers.set()
        self.loss: Loss | None = None
        """What happens at the next COMMIT."""
        self.is_final = False
        """Whether nobody gets in after a loss."""

    async def listen(self) -> int:
        """Begin, and return the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """End all that passes."""
        self.answers.set()
        self.refuse()
        for writer in self._open:
            writer.close()
        if self._passing:
            await asyncio.wait(self._passing)

    def refuse(self) -> None:
        """Let nobody in any more."""
        if self._server is not None:
            self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_unix_connection(self._socket)
        self._open |= {client, server}
        back = asyncio.ensure_future(self._pass_back(answers, client))
        self._passing.add(back)
        loss = await self._pass_on(reader, server)
        if loss is Loss.AFTER:
            await back  # what it says to the COMMIT
        client.close()
        if loss is not Loss.UNNOTICED:
            server.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> Loss | None:
        while data := await reader.read(65536):
            loss, self.loss = (self.loss, None) if _KEEP in data else (None, self.loss)
            if loss is not None and self.is_final:
                self.refuse()
            if loss is Loss.AFTER:
                self.answers.clear()
            if loss in {None, Loss.AFTER}:
                server.write(data)
            if loss is not None:
                return loss
        return None

    async def _pass_back(self, answers: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while data := await answers.read(65536):
            if not self.answers.is_set() and _KEEP in data:
                self.answers.set()
                return
            await self.answers.wait()
            client.write(data)
        client.close()


@asynccontextmanager
async def relayed(
    cluster: Cluster, reach: ConnectionParameters
) -> AsyncIterator[tuple[Relay, ConnectionParameters]]:
    """Run a relay before *cluster*, and say how the database of *reach* is reached through it."""
    relay = Relay(cluster)
    port = await relay.listen()
    yield relay, replace(reach, port=port, ssl_mode=SslMode.DISABLE, root_certificate=None)
    await relay.close()
