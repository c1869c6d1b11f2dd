"""Handshakes for a validation, told apart at the port of a node."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hermetic.certificates.chain import Chain
from hermetic.clock import system_clock
from hermetic.issuers.acme.alpn01 import PROTOCOL, AlpnAnswers
from hermetic.issuers.acme.order import Proof
from hermetic.node.listener import Listener
from hermetic.node.server import bind
from hermetic.tls.contexts import server_context
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import hierarchy
from tests.support.hops import shown_to

PROOF = Proof("tls-alpn-01", "localhost", "a-token", "a-token.thumbprint")
OURS = hierarchy()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, AlpnAnswers]]:
    """Listen with a certificate, and answers beside it."""
    answers = AlpnAnswers(server_context)
    context = SwappingContext(OURS.issue(), clock=system_clock)
    context.base.aside = answers.served
    (sock,) = bind("127.0.0.1", 0)
    listener = await Listener.start([sock], asyncio.Protocol, context.base)
    yield int(sock.getsockname()[1]), answers
    listener.close()
    await listener.wait_closed()


async def test_who_validates_sees_the_answer_and_nobody_else_does() -> None:
    async with listening() as (port, answers):
        usual, spoken = await shown_to(port, "localhost", "http/1.1")
        assert spoken == "http/1.1"
        await answers.present(PROOF)
        proof, spoken = await shown_to(port, "localhost", PROTOCOL)
        assert spoken == PROTOCOL
        assert Chain((proof,)).names == ("localhost",)
        assert proof != usual
        assert (await shown_to(port, "localhost", "http/1.1"))[0] == usual
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await shown_to(port, "stranger.test", PROTOCOL)
        await answers.withdraw(PROOF)
        assert (await shown_to(port, "localhost", "http/1.1"))[0] == usual


@pytest.mark.slow
async def test_who_sends_its_hello_in_pieces_or_never_holds_up_nobody() -> None:
    async with listening() as (port, answers):
        await answers.present(PROOF)
        _, slow = await asyncio.open_connection("127.0.0.1", port)
        slow.write(b"\x16\x03\x01\x20\x00half")
        proof, _ = await shown_to(port, "localhost", PROTOCOL)
        assert Chain((proof,)).names == ("localhost",)
        slow.close()
        await answers.withdraw(PROOF)
