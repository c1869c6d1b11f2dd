"""A listener to try things on: its protocol, its clients, and ways to wait for it."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from hermetic.node.listener import Limits, Listener

PATIENCE_S = 20


class Echo(asyncio.Protocol):
    """Says everything twice, and goes when it is told `bye`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data * 2)
        if data == b"bye":
            self.transport.close()


@dataclass(frozen=True)
class Peer:
    """One client's connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, data: bytes) -> bytes:
        """Send *data* and return what an `Echo` makes of it."""
        self.writer.write(data)
        return await asyncio.wait_for(self.reader.readexactly(2 * len(data)), PATIENCE_S)

    async def rest(self) -> bytes:
        """Return what still comes until the other side closes; nothing if it resets."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE_S)
        except ConnectionError:
            return b""

    async def close(self) -> None:
        """Close, and wait until it is."""
        self.writer.close()
        try:
            await asyncio.wait_for(self.writer.wait_closed(), PATIENCE_S)
        except (OSError, ssl.SSLError):
            return


@dataclass(frozen=True)
class Port:
    """A listener on a port of its own."""

    listener: Listener
    number: int
    host: str = "127.0.0.1"

    async def connect(
        self,
        context: ssl.SSLContext | None = None,
        *,
        name: str = "localhost",
        source: str | None = None,
    ) -> Peer:
        """Connect, with TLS if there is a context, from the address *source*."""
        return Peer(
            *await asyncio.open_connection(
                self.host,
                self.number,
                ssl=context,
                server_hostname=name if context else None,
                local_addr=(source, 0) if source else None,
            )
        )

    async def settled(self, true: Callable[[Listener], bool]) -> None:
        """Wait until *true* of the listener."""
        async with asyncio.timeout(PATIENCE_S):
            while not true(self.listener):
                await _turn()


async def _turn() -> None:
    """Let the loop go round once."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    loop.call_soon(waiter.set_result, None)
    await waiter


async def listen(
    context: ssl.SSLContext | None,
    *,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    protocol: Callable[[], asyncio.BaseProtocol] = Echo,
) -> Port:
    """Return a listener on *host*."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, 0), family=family)
    listener = await Listener.start([bound], protocol, context, limits=limits)
    return Port(listener, bound.getsockname()[1], host)
