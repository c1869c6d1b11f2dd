"""Attacks on the listeners of a node: each is refused, with a line that says who and why.

With the system's own `openssl`, which still speaks what it should not, and with hellos written by
hand for what it has forgotten.
"""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from hermetic.certificates.authorisation import Allowed
from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.tls.reload import SwappingContext
from hermetic.tls.trust import LiveTrust
from tests.support.authorities import Folders
from tests.support.callers import FAULTS, Caller, Cast
from tests.support.certificates import Hierarchy
from tests.support.listening import PATIENCE_S, Port, listen
from tests.support.mutual import Door, door

pytestmark = [
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl"),
]

Line = MutableMapping[str, Any]


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def mutual(tmp_path: Path, cast: Cast, authority: Hierarchy, stack: AsyncExitStack) -> Door:
    """Return a compute node's door, at which web-1 is meant."""
    source = Folders(tmp_path)
    source.trust(cast.root, cast.legacy)
    allowed = Allowed.parse(issuers=["CN=Contoso Root"], subjects=["CN=web-1,O=Contoso"])
    live = LiveTrust(source, role=Role.AUTHENTICATION, clock=system_clock, allowed=allowed)
    return await stack.enter_async_context(door(live, authority))


@asynccontextmanager
async def listening(context: SwappingContext | None) -> AsyncIterator[Port]:
    port = await listen(context.base if context else None)
    yield port
    port.listener.close()
    await port.listener.wait_closed()


@pytest.fixture
async def clients(authority: Hierarchy, stack: AsyncExitStack) -> Port:
    """Return a listener for clients, which may be old enough for TLS 1.2."""
    context = SwappingContext(authority.issue(), clock=system_clock)
    return await stack.enter_async_context(listening(context))


async def openssl(port: Port, *options: str, says: bytes = b"") -> str:
    """Connect with `openssl s_client`, say something, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "s_client", "-connect", f"127.0.0.1:{port.number}", "-servername"),
        *("localhost", *options),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(says), PATIENCE_S)
    return output.decode(errors="replace")


async def refused_by(port: Port, lines: list[Line], reason: str) -> Line:
    """Wait until *port* has refused somebody, and return the one line that says so."""
    await port.settled(lambda listener: listener.refused.total() == 1)
    assert list(port.listener.refused) == [reason]
    (line,) = lines
    assert (line["reason"], line["peer"]) == (reason, "127.0.0.1")
    return line


OLD = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"
WITHOUT_VERSION = "UNSUPPORTED_PROTOCOL"
WITHOUT_CIPHER = "NO_SHARED_CIPHER"


@pytest.mark.parametrize("version", ["-tls1", "-tls1_1", "-tls1_2"])
async def test_between_nodes_nothing_older_than_tls_1_3_is_spoken(
    mutual: Door, version: str
) -> None:
    with capture_logs() as lines:
        assert "Cipher is (NONE)" in await openssl(mutual.port, version, "-cipher", OLD)
        await refused_by(mutual.port, lines, WITHOUT_VERSION)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("-tls1", "-cipher", OLD), WITHOUT_VERSION),
        (("-tls1_1", "-cipher", OLD), WITHOUT_VERSION),
        (("-tls1_2", "-cipher", "eNULL:@SECLEVEL=0"), WITHOUT_CIPHER),
        (("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"), WITHOUT_CIPHER),
        (("-tls1_2", "-cipher", "kRSA:@SECLEVEL=0"), WITHOUT_CIPHER),
        (("-tls1_2", "-cipher", "AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"), WITHOUT_CIPHER),
        (("-tls1_2", "-cipher", "DHE:@SECLEVEL=0"), WITHOUT_CIPHER),
        (("-tls1_2", "-cipher", "PSK:@SECLEVEL=0", "-psk", "1a2b"), WITHOUT_CIPHER),
        (("-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256"), WITHOUT_CIPHER),
        (("-tls1_3", "-groups", "P-521"), "NO_SUITABLE_KEY_SHARE"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
async def test_clients_are_offered_nothing_that_is_broken(
    clients: Port, options: tuple[str, ...], reason: str
) -> None:
    with capture_logs() as lines:
        assert "Cipher is (NONE)" in await openssl(clients, *options)
        await refused_by(clients, lines, reason)


async def test_a_client_with_something_sound_is_served(clients: Port) -> None:
    for version in ("-tls1_2", "-tls1_3"):
        assert "Cipher is (NONE)" not in await openssl(clients, version, "-cipher", "ECDHE+AESGCM")
    assert not clients.listener.refused


def hello(version: int, *suites: int) -> bytes:
    """Return the first message of a client that knows *version* and these suites."""
    body = version.to_bytes(2, "big") + bytes(32) + b"\0"
    body += (2 * len(suites)).to_bytes(2, "big")
    body += b"".join(one.to_bytes(2, "big") for one in suites) + b"\1\0"
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(message).to_bytes(2, "big") + message


EXPORT = (0x0003, 0x0006, 0x0008, 0x0014)  # 40 bits, of 1999
RC4_AND_3DES = (0x0004, 0x0005, 0x000A, 0xC007, 0xC008)
FALLBACK = 0x5600  # RFC 7507: "I tried something newer, and somebody was in the way"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (hello(0x0300, *RC4_AND_3DES), "VERSION_TOO_LOW"),
        (hello(0x0301, *EXPORT), WITHOUT_VERSION),
        (hello(0x0303, *EXPORT), WITHOUT_CIPHER),
        (hello(0x0303, *RC4_AND_3DES), WITHOUT_CIPHER),
        (hello(0x0303, 0x0000, 0x0001), WITHOUT_CIPHER),
        (hello(0x0303, 0xC02B, FALLBACK), "INAPPROPRIATE_FALLBACK"),
        (b"\x80\x1c\1\0\2\0\3\0\0\0\x10\7\0\xc0" + bytes(16), None),
    ],
    ids=["SSL 3", "export, TLS 1.0", "export", "RC4, 3DES", "null", "fallback", "SSL 2"],
)
async def test_what_openssl_has_forgotten_is_refused_too(
    clients: Port, said: bytes, reason: str | None
) -> None:
    peer = await clients.connect()
    with capture_logs() as lines:
        peer.writer.write(said)
        answer = await peer.rest()
        await clients.settled(lambda listener: listener.refused.total() == 1)
    assert answer[:1] in {b"", b"\x15"}  # nothing, or an alert
    assert [(line["event"], line["peer"]) for line in lines] == [
        ("tls.handshake_refused", "127.0.0.1")
    ]
    assert reason in {None, lines[0]["reason"]}
    await peer.close()


async def test_nobody_renegotiates(clients: Port) -> None:
    told = await openssl(clients, "-tls1_2", says=b"R\n")
    assert "RENEGOTIATING" in told
    assert "no renegotiation" in told
    told = await openssl(clients, "-tls1_3", says=b"R\n")
    assert "RENEGOTIATING" in told
    assert "wrong ssl version" in told


@pytest.fixture
def shows(tmp_path: Path) -> Any:
    """Return what writes the certificates and the key of somebody for `s_client`."""

    def write(caller: Caller) -> tuple[str, ...]:
        path = tmp_path / "caller.pem"
        path.write_bytes(caller.pem)
        return ("-tls1_3", "-cert", str(path), "-key", str(path), "-cert_chain", str(path))

    return write


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("of a stranger", "unable to get local issuer certificate"),
        ("of a stranger, with the root", "self-signed certificate in certificate chain"),
        ("of a namesake", "unable to get local issuer certificate"),
        ("self-signed", "self-signed certificate"),
        ("expired", "certificate has expired"),
        ("for servers", "unsuitable certificate purpose"),
    ],
)
async def test_a_certificate_that_is_not_sound_ends_the_handshake(
    mutual: Door, cast: Cast, shows: Any, fault: str, detail: str
) -> None:
    with capture_logs() as lines:
        await openssl(mutual.port, *shows(FAULTS[fault].make(cast)), says=b"hello")
        line = await refused_by(mutual.port, lines, "CERTIFICATE_VERIFY_FAILED")
    assert line["detail"] == detail


async def test_without_a_certificate_the_handshake_ends(mutual: Door) -> None:
    with capture_logs() as lines:
        await openssl(mutual.port, "-tls1_3", says=b"hello")
        await refused_by(mutual.port, lines, "PEER_DID_NOT_RETURN_A_CERTIFICATE")


@pytest.mark.parametrize(
    ("who", "reason"), [("web-2", "wrong-subject"), ("legacy", "wrong-issuer")]
)
async def test_a_sound_certificate_of_somebody_else_is_refused_by_name(
    mutual: Door, cast: Cast, shows: Any, who: str, reason: str
) -> None:
    with capture_logs() as lines:
        told = await openssl(mutual.port, *shows(cast.identity(who)), "-ign_eof")
    assert f"403 {reason}" in told
    assert [(line["event"], line["reason"], line["peer"]) for line in lines] == [
        ("peer.refused", reason, "127.0.0.1")
    ]


async def test_whoever_is_meant_is_let_in(mutual: Door, cast: Cast, shows: Any) -> None:
    with capture_logs() as lines:
        told = await openssl(mutual.port, *shows(cast.identity("web-1")), says=b"bye")
        await mutual.port.settled(lambda listener: listener.open == 0)
    assert "Verify return code" in told
    assert not lines
    assert not mutual.port.listener.refused


async def test_plain_http_at_the_door_between_nodes_is_answered_and_named(mutual: Door) -> None:
    stranger = await mutual.port.connect()
    with capture_logs() as lines:
        stranger.writer.write(b"GET /x HTTP/1.1\r\nHost: node-1\r\n\r\n")
        assert (await stranger.rest()).startswith(b"HTTP/1.1 400 ")
        line = await refused_by(mutual.port, lines, "plain-http")
    assert line["event"] == "http.plain_on_tls_port"
    await stranger.close()


async def test_tls_on_a_plain_port_is_closed_and_named() -> None:
    with capture_logs() as lines:
        async with listening(None) as plain:
            await openssl(plain, "-tls1_3")
            line = await refused_by(plain, lines, "tls-on-plain-port")
    assert line["event"] == "http.tls_on_plain_port"
