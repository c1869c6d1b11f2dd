"""The last word of a handshake that failed: sent on both event loops, and only then."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import nullcontext, suppress

import pytest
import uvloop

from hermetic.clock import system_clock
from hermetic.tls import alerts
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import Hierarchy
from tests.support.memory_tls import trusting

Loop = Callable[[], asyncio.AbstractEventLoop]
BOTH = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])


@pytest.fixture
def context(authority: Hierarchy) -> ssl.SSLContext:
    return SwappingContext(authority.issue(), clock=system_clock).base


def seen_by_client(name: str, context: ssl.SSLContext, loop: Loop, *, told: bool) -> str:
    """Return what went wrong for a client of a server that tells, or does not."""

    async def serve(ours: socket.socket, theirs: socket.socket) -> str:
        running = asyncio.get_running_loop()
        client = asyncio.create_task(asyncio.to_thread(shake, theirs, name))
        ours.setblocking(False)
        accepting = running.connect_accepted_socket(asyncio.Protocol, ours, ssl=context)
        with suppress(ssl.SSLError), alerts.sent_through(ours) if told else nullcontext():
            await accepting
        return await client

    ours, theirs = socket.socketpair()
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(serve(ours, theirs))


def shake(theirs: socket.socket, name: str) -> str:
    """Shake hands as a client, and return what went wrong."""
    with theirs:
        try:
            trusting(None).wrap_socket(theirs, server_hostname=name).close()
        except OSError as error:
            return str(getattr(error, "reason", None) or type(error).__name__)
    return "nothing"


@BOTH
def test_a_refused_client_learns_why(context: ssl.SSLContext, loop: Loop) -> None:
    seen = seen_by_client("elsewhere.test", context, loop, told=True)
    assert seen == "TLSV1_UNRECOGNIZED_NAME"


@BOTH
def test_without_it_the_connection_just_ends(context: ssl.SSLContext, loop: Loop) -> None:
    seen = seen_by_client("elsewhere.test", context, loop, told=False)
    assert seen in {"SSLZeroReturnError", "UNEXPECTED_EOF_WHILE_READING", "ConnectionResetError"}


@BOTH
def test_a_client_that_is_not_refused_notices_nothing(context: ssl.SSLContext, loop: Loop) -> None:
    assert seen_by_client("localhost", context, loop, told=True) == "nothing"
