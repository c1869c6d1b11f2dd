"""What a failed connection leaves behind for those of others."""

import asyncio
import contextlib
import ssl

import pytest

from hermetic.clock import system_clock
from hermetic.tls import leftovers
from hermetic.tls.contexts import client_context, server_context
from hermetic.tls.memory import as_path
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import Hierarchy
from tests.support.listening import Echo, listen
from tests.support.memory_tls import trusting

FORGED = b"\x17\x03\x03\x00\x20" + b"x" * 32
DEADLINE_S = 10


def plain(authority: Hierarchy) -> ssl.SSLContext:
    """Return a context as a stranger would make it."""
    leaf = authority.issue()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with as_path(leaf.chain_pem + leaf.key_pem) as path:
        context.load_cert_chain(path)
    return context


def shut_down_by_an_alert(
    server: ssl.SSLContext, client: ssl.SSLContext | None = None, *, by_client: bool = False
) -> None:
    """Let one side answer the end of a connection, by the other, with a fatal alert."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = (client or trusting(None)).wrap_bio(to_client, to_server, server_hostname="localhost")
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    for end in (theirs, ours, theirs, ours):
        with contextlib.suppress(ssl.SSLWantReadError):
            end.do_handshake()
    ending, answering, inbox = (theirs, ours, to_server) if by_client else (ours, theirs, to_client)
    with contextlib.suppress(ssl.SSLWantReadError):
        ending.unwrap()
    inbox.read()
    inbox.write(FORGED)
    with contextlib.suppress(ssl.SSLError):
        answering.read(1)
    ending.unwrap()


def left_behind() -> int:
    """Return the newest error in the queue of this thread, 0 if there is none."""
    library = leftovers.libcrypto()
    assert library is not None
    return int(library.ERR_peek_last_error())


def test_python_leaves_an_error_behind_that_is_nobodys(authority: Hierarchy) -> None:
    shut_down_by_an_alert(plain(authority))
    assert left_behind()  # else this module has nothing left to do
    leftovers.clear()
    assert not left_behind()


def test_a_context_of_ours_leaves_none(authority: Hierarchy) -> None:
    shut_down_by_an_alert(server_context(authority.issue()))
    assert not left_behind()


def test_a_clients_context_of_ours_leaves_none_either(authority: Hierarchy) -> None:
    stranger, client = trusting(authority.root_pem), client_context(authority.root_pem)
    server = plain(authority)
    server.num_tickets = 0  # a ticket that was not read yet would end the shutdown in another way
    shut_down_by_an_alert(server, stranger, by_client=True)
    assert left_behind()
    leftovers.clear()
    shut_down_by_an_alert(server, client, by_client=True)
    assert not left_behind()


class Attacker:
    """A client that makes its own records."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.end = trusting(None).wrap_bio(self.incoming, self.outgoing)

    async def greet(self) -> None:
        """Shake hands, say a word, and read until it came back."""
        while (said := self._read()) != b"hihi":
            assert not said
            self.writer.write(self.outgoing.read())
            self.incoming.write(await self.reader.read(65536))

    def _read(self) -> bytes:
        with contextlib.suppress(ssl.SSLWantReadError):
            if not self.end.cipher():
                self.end.do_handshake()
                self.end.write(b"hi")
            return self.end.read(4)
        return b""

    async def answer_the_end_with_an_alert(self) -> None:
        await self.reader.read(100)
        self.incoming.write(FORGED)
        with pytest.raises(ssl.SSLError):
            self.end.read(1)
        self.writer.write(self.outgoing.read())
        await self.writer.drain()


async def test_a_client_that_ends_with_an_alert_takes_nobody_with_it(authority: Hierarchy) -> None:
    made: list[Echo] = []

    def protocol() -> Echo:
        made.append(Echo())
        return made[-1]

    context = SwappingContext(authority.issue(), clock=system_clock)
    port = await listen(context.base, protocol=protocol)
    healthy = await port.connect(trusting(authority.root_pem))
    await healthy.ask(b"before")
    attacker = Attacker(*await asyncio.open_connection("127.0.0.1", port.number))
    async with asyncio.timeout(DEADLINE_S):
        await attacker.greet()
        made[-1].transport.close()
        await attacker.answer_the_end_with_an_alert()
        assert await healthy.ask(b"after") == b"afterafter"
    attacker.writer.close()
    await healthy.close()
    port.listener.close()
    await port.listener.wait_closed()
