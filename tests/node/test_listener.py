"""Accepting: who gets through, who is told what, and who is sent away."""

import asyncio
import json
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.clock import system_clock
from hermetic.node.listener import Limits, Listener
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.listening import PATIENCE_S, Echo, Peer, Port, listen
from tests.support.memory_tls import trusting

SHORT = timedelta(milliseconds=200)


@pytest.fixture(scope="module")
def authority() -> Hierarchy:
    return hierarchy()


@pytest.fixture
def served(authority: Hierarchy) -> SwappingContext:
    return SwappingContext(authority.issue(), clock=system_clock)


@pytest.fixture
def client(authority: Hierarchy) -> ssl.SSLContext:
    return trusting(authority.root_pem)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def closing(port: Port, stack: AsyncExitStack) -> Port:
    """Return *port*, which is closed when the test ends."""
    stack.push_async_callback(port.listener.wait_closed)
    stack.callback(port.listener.close)
    return port


@pytest.fixture
async def sealed(served: SwappingContext, stack: AsyncExitStack) -> Port:
    return await closing(await listen(served.base), stack)


@pytest.fixture
async def impatient(served: SwappingContext, stack: AsyncExitStack) -> Port:
    return await closing(await listen(served.base, limits=Limits(handshake=SHORT)), stack)


@pytest.fixture
async def plain(stack: AsyncExitStack) -> Port:
    return await closing(await listen(None), stack)


async def told(peer: Peer, request: bytes) -> tuple[bytes, bytes]:
    """Send a request and return the head and the body of what comes back."""
    peer.writer.write(request)
    head, _, body = (await peer.rest()).partition(b"\r\n\r\n")
    await peer.close()
    return head, body


async def test_what_a_client_says_reaches_the_protocol_whole(
    sealed: Port, client: ssl.SSLContext
) -> None:
    peer = await sealed.connect(client)
    assert await peer.ask(b"hello") == b"hellohello"
    assert await peer.ask(b"x" * 100_000) == b"x" * 200_000
    assert sealed.listener.open == 1
    await peer.close()
    await sealed.settled(lambda listener: listener.open == 0)


async def test_it_listens_on_ipv6(
    served: SwappingContext, client: ssl.SSLContext, stack: AsyncExitStack
) -> None:
    port = await closing(await listen(served.base, host="::1"), stack)
    peer = await port.connect(client, name="::1")
    assert await peer.ask(b"hello") == b"hellohello"
    await peer.close()


async def test_it_listens_on_a_unix_socket(
    tmp_path: Path, served: SwappingContext, client: ssl.SSLContext
) -> None:
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(tmp_path / "s"))
    listener = await Listener.start([bound], Echo, served.base)
    reader, writer = await asyncio.open_unix_connection(
        str(tmp_path / "s"), ssl=client, server_hostname="localhost"
    )
    assert await Peer(reader, writer).ask(b"hello") == b"hellohello"
    await Peer(reader, writer).close()
    listener.close()
    await listener.wait_closed()


async def test_plain_http_is_told_the_right_address_and_logged(sealed: Port) -> None:
    peer = await sealed.connect()
    with capture_logs() as lines:
        head, body = await told(peer, b"GET /services?x=1 HTTP/1.1\r\nHost: box:1\r\n\r\n")
        await sealed.settled(lambda listener: listener.open == 0)
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\ncontent-type: application/problem+json" in head
    assert b"\r\nconnection: close" in head
    problem = json.loads(body)
    assert problem["type"] == "/problems/plain-http"
    assert "https://box:1/services?x=1" in problem["detail"]
    assert [(line["event"], line["peer"]) for line in lines] == [
        ("http.plain_on_tls_port", "127.0.0.1")
    ]
    assert sealed.listener.refused == {"plain-http": 1}


async def test_the_same_request_through_tls_reaches_the_protocol(
    sealed: Port, client: ssl.SSLContext
) -> None:
    peer = await sealed.connect(client)
    request = b"GET /services HTTP/1.1\r\nHost: box:1\r\n\r\n"
    assert await peer.ask(request) == request * 2
    await peer.close()
    assert not sealed.listener.refused


@pytest.mark.parametrize("host", [b"", b"Host: a\"},{'\r\n", b"Host: \r\n", b"Host: a b\r\n"])
async def test_without_a_host_to_believe_its_own_address_is_told(sealed: Port, host: bytes) -> None:
    peer = await sealed.connect()
    _, body = await told(peer, b"GET / HTTP/1.1\r\n" + host + b"\r\n")
    assert f"https://127.0.0.1:{sealed.number}/" in json.loads(body)["detail"]


async def test_head_gets_the_head_of_the_answer(sealed: Port) -> None:
    head, body = await told(await sealed.connect(), b"HEAD / HTTP/1.1\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert body == b""


async def test_a_plain_upload_gets_the_answer_too(sealed: Port) -> None:
    request = b"POST /api/x/1 HTTP/1.1\r\nContent-Length: 500000\r\n\r\n" + b"x" * 500_000
    head, _ = await told(await sealed.connect(), request)
    assert head.startswith(b"HTTP/1.1 400")


async def test_what_is_neither_is_closed_without_an_answer(sealed: Port) -> None:
    peer = await sealed.connect()
    with capture_logs() as lines:
        peer.writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        assert await peer.rest() == b""
        await sealed.settled(lambda listener: listener.open == 0)
    assert [line["event"] for line in lines] == ["tls.not_tls"]
    await peer.close()


async def test_bytes_that_are_no_handshake_are_refused_with_a_reason(sealed: Port) -> None:
    peer = await sealed.connect()
    with capture_logs() as lines:
        peer.writer.write(b"\x00" * 100)
        await peer.rest()
        await sealed.settled(lambda listener: listener.open == 0)
    assert [(line["event"], line["peer"]) for line in lines] == [
        ("tls.handshake_refused", "127.0.0.1")
    ]
    assert lines[0]["reason"] in {"WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL"}
    await peer.close()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_an_old_version_of_tls_is_refused_with_its_reason(
    sealed: Port, client: ssl.SSLContext
) -> None:
    client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await sealed.connect(client)
    await sealed.settled(lambda listener: listener.open == 0)
    assert sealed.listener.refused == {"UNSUPPORTED_PROTOCOL": 1}


async def test_an_unknown_name_is_refused_and_logged_once(sealed: Port) -> None:
    with capture_logs() as lines, pytest.raises(ssl.SSLError, match="unrecognized name"):
        await sealed.connect(trusting(None), name="elsewhere.test")
    await sealed.settled(lambda listener: listener.open == 0)
    assert [line["name"] for line in lines] == ["elsewhere.test"]
    assert sealed.listener.refused == {"unknown-name": 1}


async def test_a_client_that_does_not_trust_us_is_logged_with_its_reason(sealed: Port) -> None:
    distrusting = trusting(hierarchy().root_pem)

    def connect() -> None:  # not with asyncio, which keeps its alerts to itself
        with (
            socket.create_connection(("127.0.0.1", sealed.number)) as raw,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            distrusting.wrap_socket(raw, server_hostname="localhost")

    with capture_logs() as lines:
        await asyncio.to_thread(connect)
        await sealed.settled(lambda listener: listener.refused.total() == 1)
    assert sealed.listener.refused == {"TLSV1_ALERT_UNKNOWN_CA": 1}
    assert [(line["event"], line["peer"]) for line in lines] == [
        ("tls.handshake_refused", "127.0.0.1")
    ]


async def test_a_client_that_goes_in_the_middle_is_logged(sealed: Port) -> None:
    peer = await sealed.connect()
    with capture_logs() as lines:
        peer.writer.write(b"\x16\x03\x01\x02\x00\x01")
        await peer.close()
        await sealed.settled(lambda listener: listener.refused.total() == 1)
    assert sealed.listener.refused == {"closed-by-peer": 1}
    assert [line["event"] for line in lines] == ["tls.handshake_refused"]


async def test_a_probe_that_only_connects_is_not_worth_a_line(sealed: Port) -> None:
    peer = await sealed.connect()
    with capture_logs() as lines:
        await peer.close()
        await sealed.settled(lambda listener: listener.refused["silent"] == 1)
    assert not lines
    assert sealed.listener.open == 0


@pytest.mark.parametrize(
    "said", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a hello"]
)
async def test_who_is_too_slow_is_sent_away_and_others_are_served(
    impatient: Port, client: ssl.SSLContext, said: bytes
) -> None:
    slow = await impatient.connect()
    slow.writer.write(said)
    quick = await impatient.connect(client)
    assert await quick.ask(b"hello") == b"hellohello"
    assert await slow.rest() == b""
    await impatient.settled(lambda listener: listener.open == 1)
    assert impatient.listener.refused == {"timeout": 1}
    assert await quick.ask(b"still here") == b"still herestill here"
    await slow.close()
    await quick.close()


async def test_a_plain_request_that_never_ends_is_answered_in_time(impatient: Port) -> None:
    head, _ = await told(await impatient.connect(), b"GET / HTTP/1.1\r\nHost: a\r\n")
    assert head.startswith(b"HTTP/1.1 400")


async def test_one_too_many_is_closed_at_once_until_another_goes(
    served: SwappingContext, client: ssl.SSLContext, stack: AsyncExitStack
) -> None:
    port = await closing(await listen(served.base, limits=Limits(connections=2)), stack)
    peers = [await port.connect(client) for _ in range(2)]
    with capture_logs() as lines, pytest.raises((ConnectionError, ssl.SSLError)):
        await port.connect(client)
    assert [line["event"] for line in lines] == ["listener.too_many"]
    assert port.listener.refused == {"too-many": 1}
    await peers[0].close()
    await port.settled(lambda listener: listener.open == 1)
    peers[0] = await port.connect(client)
    for peer in peers:
        assert await peer.ask(b"hello") == b"hellohello"
        await peer.close()


async def test_one_address_cannot_take_the_place_of_others(
    served: SwappingContext, client: ssl.SSLContext, stack: AsyncExitStack
) -> None:
    port = await closing(await listen(served.base, limits=Limits(per_address=1)), stack)
    first = await port.connect(client, source="127.0.0.2")
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await port.connect(client, source="127.0.0.2")
    other = await port.connect(client, source="127.0.0.3")
    assert await other.ask(b"hello") == b"hellohello"
    await first.close()
    await other.close()


async def test_a_connection_counts_until_it_ends_whoever_ends_it(
    impatient: Port, client: ssl.SSLContext
) -> None:
    peer = await impatient.connect(client)
    assert await peer.ask(b"bye") == b"byebye"  # the protocol closes
    assert await peer.rest() == b""
    await peer.close()
    with pytest.raises(ssl.SSLError):  # the handshake fails
        await impatient.connect(trusting(None), name="elsewhere.test")
    await told(await impatient.connect(), b"GET / HTTP/1.1\r\n\r\n")  # it is answered
    silent = await impatient.connect()  # it is sent away
    await silent.rest()
    await silent.close()
    await impatient.settled(lambda listener: listener.open == 0)
    assert impatient.listener.accepted == 4


async def test_a_connection_counts_also_when_another_protocol_takes_over(
    served: SwappingContext, client: ssl.SSLContext, stack: AsyncExitStack
) -> None:
    class Upgrading(Echo):
        def data_received(self, data: bytes) -> None:
            successor = Echo()
            successor.connection_made(self.transport)
            self.transport.set_protocol(successor)
            super().data_received(data)

    port = await closing(await listen(served.base, protocol=Upgrading), stack)
    peer = await port.connect(client)
    await peer.ask(b"hello")
    assert port.listener.open == 1
    await peer.ask(b"bye")
    await peer.close()
    await port.settled(lambda listener: listener.open == 0)


async def test_without_descriptors_it_rests_and_goes_on(
    sealed: Port, client: ssl.SSLContext
) -> None:
    raw = socket.create_connection(("127.0.0.1", sealed.number))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (raw.fileno(), hard))
    try:
        with capture_logs() as lines:
            await sealed.settled(lambda listener: listener.refused["exhausted"] == 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert [line["event"] for line in lines] == ["listener.exhausted"]
    reader, writer = await asyncio.open_connection(
        sock=raw, ssl=client, server_hostname="localhost"
    )
    assert await Peer(reader, writer).ask(b"hello") == b"hellohello"
    await Peer(reader, writer).close()


async def test_closing_refuses_new_ones_and_keeps_those_there_are(
    served: SwappingContext, client: ssl.SSLContext
) -> None:
    port = await listen(served.base)
    peer = await port.connect(client)
    silent = await port.connect()
    await port.settled(lambda listener: listener.accepted == 2)
    port.listener.close()
    with pytest.raises(OSError, match=r"(?i)connect"):
        await port.connect(client)
    assert await silent.rest() == b""
    await asyncio.wait_for(port.listener.wait_closed(), PATIENCE_S)
    assert await peer.ask(b"hello") == b"hellohello"
    assert port.listener.sockets == ()
    await silent.close()
    await peer.close()


async def test_a_handshake_under_way_is_finished_after_closing(
    served: SwappingContext, client: ssl.SSLContext
) -> None:
    port = await listen(served.base)
    connecting = asyncio.create_task(port.connect(client))
    await port.settled(lambda listener: bool(listener.accepted and not listener._silent))
    port.listener.close()
    await port.listener.wait_closed()
    peer = await connecting
    assert await peer.ask(b"hello") == b"hellohello"
    await peer.close()


@pytest.mark.slow
async def test_a_handshake_that_never_ends_does_not_hold_up_the_end(
    served: SwappingContext,
) -> None:
    port = await listen(served.base)
    stuck = await port.connect()
    stuck.writer.write(b"\x16\x03\x01\x02\x00\x01")
    await port.settled(lambda listener: bool(listener.accepted and not listener._silent))
    port.listener.close()
    await asyncio.wait_for(port.listener.wait_closed(), PATIENCE_S)
    assert await stuck.rest() == b""
    await stuck.close()


async def test_plain_http_is_served_where_it_was_chosen(plain: Port) -> None:
    peer = await plain.connect()
    assert await peer.ask(b"GET / HTTP/1.1\r\n\r\n") == b"GET / HTTP/1.1\r\n\r\n" * 2
    await peer.close()
    await plain.settled(lambda listener: listener.open == 0)


async def test_tls_on_a_plain_port_is_closed_and_logged_by_name(
    plain: Port, client: ssl.SSLContext
) -> None:
    with capture_logs() as lines, pytest.raises((ConnectionError, ssl.SSLError)):
        await plain.connect(client)
    assert [(line["event"], line["peer"]) for line in lines] == [
        ("http.tls_on_plain_port", "127.0.0.1")
    ]
    assert plain.listener.refused == {"tls-on-plain-port": 1}
