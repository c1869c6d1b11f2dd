"""What a TLS 1.3 client must not say, beside `openssl s_server`: refused, and with the right word.

Each conversation is held with a listener of ours and with the system's own server, and judged by
RFC 8446.  Ours must not be wrong more often.
"""

import asyncio
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from hermetic.certificates.keys import KeyKind
from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import Hierarchy, key_of
from tests.support.hello import (
    ALERT,
    ALPN,
    CHANGE_CIPHER_SPEC,
    CLIENT_HELLO,
    DATA,
    GROUPS,
    HANDSHAKE,
    MODES,
    PSK,
    SERVER_HELLO,
    SHARES,
    SIGNATURES,
    SNI,
    VERSIONS,
    X25519,
    Hello,
    message,
    record,
    share,
    u8,
    u16,
)
from tests.support.listening import Port, listen
from tests.support.nginx import free_port
from tests.support.product import until

pytestmark = [pytest.mark.slow, pytest.mark.system]

PATIENCE_S = 5
UNEXPECTED, BAD_MAC, OVERFLOW, HANDSHAKE_FAILURE = 10, 20, 22, 40
ILLEGAL, DECODE, PROTOCOL_VERSION, MISSING = 47, 50, 70, 109
SERVED = -1
PADDED_PSK = u16(u16(b"ticket") + b"\0\0\0\0") + u16(u8(b"b" * 32))
Sent = Callable[[], list[bytes]]


def one(hello: Hello) -> list[bytes]:
    return [hello.record]


def pieces() -> list[bytes]:
    body = message(CLIENT_HELLO, Hello().body)
    return [record(HANDSHAKE, body[at : at + 1]) for at in range(len(body))]


def twice(data: bytes) -> bytes:
    """Return extensions of which the first stands there twice."""
    length = struct.unpack("!H", data[2:4])[0]
    return data + data[: 4 + length]


CONVERSATIONS: dict[str, tuple[Sent, set[int]]] = {
    "sound": (lambda: one(Hello()), {SERVED}),
    "in records of one byte": (pieces, {SERVED}),
    "unknown ciphers and extensions too": (
        lambda: one(Hello(ciphers=(0x1A1A, 0x1301), further=b"\x2a\x2a" + u16(b"grease"))),
        {SERVED},
    ),
    "an unknown version too": (
        lambda: one(Hello().with_(VERSIONS, u8(struct.pack("!HH", 0x7A7A, 0x0304)))),
        {SERVED},
    ),
    "a session id of TLS 1.2": (lambda: one(Hello(session=b"s" * 32)), {SERVED}),
    "an empty record": (lambda: [record(HANDSHAKE, b""), Hello().record], {UNEXPECTED, DECODE}),
    "a record too long": (
        lambda: [struct.pack("!BHH", HANDSHAKE, 0x0301, 0x4801) + b"\1" * 0x4801],
        {OVERFLOW, DECODE, ILLEGAL},
    ),
    "an unknown kind of record": (
        lambda: [record(0x40, b"\0" * 8)],
        {UNEXPECTED, PROTOCOL_VERSION},
    ),
    "data before the hello": (lambda: [record(DATA, b"hello")], {UNEXPECTED}),
    "a cipher change before the hello": (
        lambda: [record(CHANGE_CIPHER_SPEC, b"\1"), Hello().record],
        {UNEXPECTED},
    ),
    "a server's hello": (
        lambda: [record(HANDSHAKE, message(SERVER_HELLO, Hello().body))],
        {UNEXPECTED},
    ),
    "an unknown message": (lambda: [record(HANDSHAKE, message(99, b"\0" * 40))], {UNEXPECTED}),
    "a hello of sixteen megabytes": (
        lambda: [record(HANDSHAKE, b"\1\xff\xff\xff" + b"\3\3" + b"r" * 16000)],
        {ILLEGAL, DECODE, OVERFLOW},
    ),
    "two hellos": (lambda: [Hello().record, Hello().record], {UNEXPECTED, BAD_MAC, SERVED}),
    "a list of extensions cut short": (
        lambda: one(Hello(mend=lambda data: data[:-3])),
        {DECODE},
    ),
    "bytes after the extensions": (lambda: one(Hello(after=b"more")), {DECODE}),
    "an extension twice": (lambda: one(Hello(mend=twice)), {ILLEGAL, DECODE}),
    "a session id too long": (lambda: one(Hello(session=b"s" * 33)), {DECODE, ILLEGAL}),
    "no compression method": (lambda: one(Hello(compression=b"")), {DECODE, ILLEGAL}),
    "compression": (lambda: one(Hello(compression=b"\1\0")), {ILLEGAL}),
    "no cipher it knows": (lambda: one(Hello(ciphers=(0x1A1A,))), {HANDSHAKE_FAILURE}),
    "no cipher at all": (lambda: one(Hello(ciphers=())), {DECODE, ILLEGAL, HANDSHAKE_FAILURE}),
    "no version": (lambda: one(Hello().with_(VERSIONS, u8(b""))), {DECODE}),
    "half a version": (lambda: one(Hello().with_(VERSIONS, u8(b"\3"))), {DECODE}),
    "a version of nobody": (
        lambda: one(Hello().with_(VERSIONS, u8(struct.pack("!H", 0x0399)))),
        {PROTOCOL_VERSION},
    ),
    "no signatures": (lambda: one(Hello().without(SIGNATURES)), {MISSING, HANDSHAKE_FAILURE}),
    "signatures of nobody": (
        lambda: one(Hello().with_(SIGNATURES, u16(b"\x7a\x7a"))),
        {HANDSHAKE_FAILURE},
    ),
    "no groups": (lambda: one(Hello().without(GROUPS)), {MISSING, HANDSHAKE_FAILURE}),
    "no key shares": (lambda: one(Hello().without(SHARES)), {MISSING}),
    "a share of a group that is not named": (
        lambda: one(Hello().with_(GROUPS, u16(struct.pack("!H", 0x18)))),
        {ILLEGAL},
    ),
    "a share too short": (
        lambda: one(Hello().with_(SHARES, u16(share(X25519, b"k" * 31)))),
        {ILLEGAL, DECODE},
    ),
    "a share of nothing": (
        lambda: one(Hello().with_(SHARES, u16(share(X25519, b"")))),
        {ILLEGAL, DECODE},
    ),
    "a share of zeros": (
        lambda: one(Hello().with_(SHARES, u16(share(X25519, bytes(32))))),
        {ILLEGAL},
    ),
    "two shares of one group": (
        lambda: one(
            Hello().with_(SHARES, u16(share(X25519, b"k" * 32) + share(X25519, b"l" * 32)))
        ),
        {ILLEGAL, SERVED},  # a server MAY check
    ),
    "a ticket without modes": (
        lambda: one(Hello().without(MODES).with_(PSK, PADDED_PSK)),
        {MISSING},
    ),
    "a ticket that is not last": (
        lambda: one(Hello().with_(PSK, PADDED_PSK).with_(ALPN, u16(u8(b"http/1.1")))),
        {ILLEGAL},
    ),
    "an empty name": (lambda: one(Hello().with_(SNI, u16(b""))), {DECODE, ILLEGAL}),
    "a name with a zero in it": (
        lambda: one(Hello().with_(SNI, u16(b"\0" + u16(b"local\0host")))),
        {ILLEGAL, DECODE, 112},
    ),
    "no protocol in a list of them": (lambda: one(Hello().with_(ALPN, u16(b""))), {DECODE}),
    "an empty protocol": (lambda: one(Hello().with_(ALPN, u16(u8(b"")))), {DECODE}),
}


def answered(port: int, sent: Sent) -> int | None:
    """Return the alert that is said, `SERVED` for a server's hello, `None` for an end without a word."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as end, suppress(OSError):
        for piece in sent():
            end.sendall(piece)
        head = _exactly(end, 5)
        if len(head) == 5:
            kind, _, length = struct.unpack("!BHH", head)
            body = _exactly(end, length)
            if kind == ALERT and len(body) == 2:
                return body[1]
            if kind == HANDSHAKE and body[:1] == bytes([SERVER_HELLO]):
                return SERVED
    return None


def _exactly(end: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = end.recv(length - len(data))
        if not piece:
            return data
        data += piece
    return data


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as made:
        yield made


async def closed(port: Port) -> None:
    port.listener.close()
    await port.listener.wait_closed()


@contextmanager
def openssl(folder: Path, pem: bytes) -> Iterator[int]:
    """Run the system's own server with that pair."""
    path, port = folder / "pair.pem", free_port()
    path.write_bytes(pem)
    words = ["-accept", f"127.0.0.1:{port}", "-cert", str(path), "-key", str(path), "-www"]
    server = subprocess.Popen(
        ["openssl", "s_server", *words, "-tls1_3"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: is_open(port) or server.poll() is not None, within_s=20)
        yield port
    finally:
        server.terminate()
        server.communicate(timeout=20)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_what_a_client_must_not_say_is_refused_as_openssl_does_or_better(
    authority: Hierarchy, tmp_path: Path, stack: AsyncExitStack, show: Callable[[str], None]
) -> None:
    credential = authority.issue("localhost", key=key_of(KeyKind.RSA_2048))
    context = SwappingContext(credential, clock=system_clock, role=Role.API)
    port = await listen(context.base)
    stack.push_async_callback(closed, port)
    wrong: dict[str, int | None] = {}
    theirs: dict[str, int | None] = {}
    with openssl(tmp_path, credential.chain_pem + credential.key_pem) as peer:
        for name, (sent, right) in CONVERSATIONS.items():
            said = await asyncio.to_thread(answered, port.number, sent)
            if said not in right:
                wrong[name] = said
            said = await asyncio.to_thread(answered, peer, sent)
            if said not in right:
                theirs[name] = said
    show(
        f"{len(CONVERSATIONS)} conversations of TLS 1.3: {len(wrong)} answered wrongly"
        f" ({', '.join(wrong)}), openssl s_server {len(theirs)} ({', '.join(theirs)})"
    )
    assert len(wrong) <= len(theirs)
    served = {name for name, said in wrong.items() if said == SERVED}
    assert served <= {name for name, said in theirs.items() if said == SERVED}


@pytest.mark.parametrize("spoilt", ["finished", "data", "in the clear", "of nothing"])
async def test_what_was_spoilt_on_its_way_ends_the_connection(
    authority: Hierarchy, stack: AsyncExitStack, spoilt: str
) -> None:
    context = SwappingContext(authority.issue("localhost"), clock=system_clock, role=Role.API)
    port = await listen(context.base)
    stack.push_async_callback(closed, port)
    heard = await asyncio.to_thread(shaken, port.number, authority.root_pem.decode(), spoilt)
    assert heard in {
        "SSLV3_ALERT_BAD_RECORD_MAC",
        "TLSV1_ALERT_DECRYPT_ERROR",
        "SSLV3_ALERT_UNEXPECTED_MESSAGE",
        "closed",
    }


def shaken(port: int, roots: str, spoilt: str) -> str:
    """Shake hands, send something that is spoilt, and return what the server makes of it."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=roots)
    arrives, leaves = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = client.wrap_bio(arrives, leaves, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as raw:
        while True:
            try:
                end.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.sendall(leaves.read())
                arrives.write(raw.recv(1 << 16))
        finished = leaves.read()
        if spoilt == "finished":
            finished = finished[:-1] + bytes([finished[-1] ^ 1])
        raw.sendall(finished)
        end.write(b"hello")
        data = leaves.read()
        raw.sendall(
            {
                "finished": data,
                "data": data[:-1] + bytes([data[-1] ^ 1]),
                "in the clear": record(DATA, b"hello", 0x0303),
                "of nothing": record(DATA, b"", 0x0303),
            }[spoilt]
        )
        try:
            while True:
                piece = raw.recv(1 << 16)
                if not piece:
                    return "closed"
                arrives.write(piece)
                with suppress(ssl.SSLWantReadError):
                    if end.read(100):
                        return "served"
        except ssl.SSLError as error:
            return error.reason or "?"
        except OSError:
            return "closed"
