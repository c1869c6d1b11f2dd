"""Servers with one thing wrong, for what looks at hops from outside."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hermetic.certificates.credential import Credential
from hermetic.tls.contexts import TlsProfile, server_context
from tests.support.certificates import DAY

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"


def presenting(
    credential: Credential,
    *,
    profile: TlsProfile = TlsProfile.INTERMEDIATE,
    client_roots: bytes | None = None,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> ssl.SSLContext:
    """Return a server's context that speaks no newer version of TLS than *newest*."""
    context = server_context(credential, profile=profile, client_roots=client_roots)
    context.maximum_version = newest
    return context


def answering(body: bytes, status: int = 200, *fields: bytes) -> bytes:
    """Return an answer of HTTP; *fields* are further header lines, without their ends."""
    head = [b"HTTP/1.1 %d Told" % status, b"connection: close", *fields]
    return b"\r\n".join([*head, b"content-length: %d" % len(body), b"", body])


@asynccontextmanager
async def serving(
    context: ssl.SSLContext | None,
    *,
    silent: bool = False,
    answers: Mapping[str, bytes] | None = None,
    asked: list[bytes] | None = None,
) -> AsyncIterator[int]:
    """Answer on a port of the loopback address with `ANSWER`, or nothing at all.

    Args:
        answers: By their paths, those that are others.
        asked: Where the heads of all requests are noted.
    """
    open_: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.append(writer)
        if silent:
            return
        try:
            line = await reader.readline()
            if asked is not None:
                asked.append(line + await reader.readuntil(b"\r\n\r\n"))
            path = b"".join(line.split(b" ")[1:2]).decode("utf-8", "replace")
            writer.write((answers or {}).get(path, ANSWER))
        except asyncio.IncompleteReadError:
            pass  # somebody only looked whether it is open
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    # A handshake that somebody gives up is no matter of the test.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        if silent:  # the others were closed when they had answered
            for one in open_:
                one.transport.abort()


async def shown_to(port: int, name: str, protocol: str) -> tuple[x509.Certificate, str | None]:
    """Return what *port* shows to who asks for *name* by that ALPN, and what is spoken then."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    end: ssl.SSLObject = writer.get_extra_info("ssl_object")
    der = end.getpeercert(binary_form=True)
    writer.close()
    assert der is not None
    return x509.load_der_x509_certificate(der), end.selected_alpn_protocol()


def revoking(
    credential: Credential, above: Credential, *, age: timedelta = DAY
) -> x509.CertificateRevocationList:
    """Return a list of *above*, made *age* ago for two days, with *credential* on it."""
    made = datetime.now(UTC) - age
    entry = x509.RevokedCertificateBuilder(credential.chain.leaf.serial_number, made)
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(above.key.public_key())
    return (
        x509.CertificateRevocationListBuilder()
        .issuer_name(above.chain.leaf.subject)
        .last_update(made)
        .next_update(made + 2 * DAY)
        .add_extension(authority_key, critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_revoked_certificate(entry.build())
        .sign(above.key, hashes.SHA256())
    )
