"""A listener under mutual TLS as a compute node has it, and those who knock at it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hermetic.clock import system_clock
from hermetic.errors import CertificateRejected
from hermetic.tls.contexts import TlsProfile
from hermetic.tls.memory import as_path
from hermetic.tls.peers import Peer, Peers
from hermetic.tls.reload import SwappingContext
from hermetic.tls.trust import LiveTrust
from tests.support import listening
from tests.support.callers import Caller
from tests.support.certificates import Hierarchy
from tests.support.listening import PATIENCE_S, Port, listen

LET_IN = b"come in\n"


class Doorkeeper(listening.Echo):
    """Greets who is let in and then says everything twice; tells the others why, and closes."""

    def __init__(self, peers: Peers, greeting: bytes = LET_IN) -> None:
        self._peers, self._greeting = peers, greeting
        self.peer: Peer | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        try:
            self.peer = self._peers.admit(transport)
        except CertificateRejected as error:
            self.transport.write(f"403 {error.code}\n".encode())
            self.transport.close()
        else:
            self.transport.write(self._greeting)

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._peers.left(self.transport)


@dataclass
class Knocking:
    """A connection that was made, and what it was told first: nothing if it was refused by TLS."""

    peer: listening.Peer
    told: bytes

    @property
    def verdict(self) -> str:
        """What it was told: `in`, the code of the refusal, or `tls`."""
        if self.told == LET_IN:
            return "in"
        return self.told.decode().removeprefix("403 ").strip() or "tls"

    async def ended(self) -> None:
        """Wait until the other side has closed it."""
        await self.peer.rest()

    async def goes_on(self) -> bool:
        """Whether what is said is still heard."""
        return await self.peer.ask(b"still there?") == b"still there?" * 2


def context_of(caller: Caller, roots: bytes) -> ssl.SSLContext:
    """Return the context of somebody who shows whatever they have, as a stranger makes it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that weak certificates can be shown
    context.load_verify_locations(cadata=roots.decode())
    if caller.certificates:
        with as_path(caller.pem) as path:
            context.load_cert_chain(path)
    return context


@dataclass
class Door:
    """A listener on a port of its own, and the trust it goes by."""

    port: Port
    live: LiveTrust
    context: SwappingContext
    servers: Hierarchy
    _open: list[listening.Peer] = field(default_factory=list)

    @property
    def peers(self) -> Peers:
        return self.live.peers

    def client(self, caller: Caller) -> ssl.SSLContext:
        """Return the context of somebody who shows whatever they have."""
        return context_of(caller, self.servers.root_pem)

    async def knock(self, caller: Caller) -> Knocking:
        """Connect, and hear what is said."""
        peer = await self.port.connect(self.client(caller))
        self._open.append(peer)
        try:
            told = await asyncio.wait_for(peer.reader.readline(), PATIENCE_S)
        except (ConnectionError, ssl.SSLError):
            told = b""
        return Knocking(peer, told)

    async def close(self) -> None:
        """Close the listener and all that knocked."""
        for peer in self._open:
            await peer.close()
        self.port.listener.close()
        await self.port.listener.wait_closed()


@asynccontextmanager
async def door(
    live: LiveTrust, servers: Hierarchy, *, greeting: bytes = LET_IN
) -> AsyncIterator[Door]:
    """Open a door for those whom *live* lets in, with a certificate of *servers*."""
    context = SwappingContext(
        servers.issue(),
        clock=system_clock,
        profile=TlsProfile.MODERN,
        client_roots=live.authorities_pem,
    )
    live.admit_through(context)
    port = await listen(context.base, protocol=lambda: Doorkeeper(live.peers, greeting))
    opened = Door(port, live, context, servers)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def following(live: LiveTrust, *folders: Path, poll: timedelta) -> AsyncIterator[LiveTrust]:
    """Let *live* keep up with its source until the block ends."""
    task = asyncio.create_task(live.follow(*folders, poll=poll))
    try:
        yield live
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
