"""What a server's certificate says, read without trusting it.

Only to explain a failed handshake to a person; nothing here decides whom to trust.  A client
is installed without a library for certificates, so the three facts that a sentence needs are
found by walking the DER (X.690) of the certificate's own bytes (RFC 5280, 4.1).
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
_COMMON_NAME = bytes.fromhex("550403")
_UTC_TIME, _OID, _OCTETS, _VERSION = 0x17, 0x06, 0x04, 0xA0
_DNS, _ADDRESS = 0x82, 0x87


@dataclass(frozen=True)
class Shown:
    """What a certificate says of itself."""

    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]


def shown_by(host: str, port: int, *, timeout_s: float = 5.0) -> Shown | None:
    """Return what the server at *host* and *port* shows, or `None` if that cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # Nothing is sent over this connection but a goodbye.
    try:
        with (
            socket.create_connection((host, port), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as sealed,
        ):
            der = sealed.getpeercert(binary_form=True)
    except OSError:
        return None
    return read(der) if der else None


def read(der: bytes) -> Shown | None:
    """Return what the certificate *der* says, or `None` if it is none."""
    try:
        return _read(der)
    except (IndexError, ValueError, StopIteration):
        return None


def _read(der: bytes) -> Shown:
    certificate = next(_elements(der))[1]
    body = list(_elements(next(_elements(certificate))[1]))
    if body[0][0] == _VERSION:
        del body[0]
    # serial, algorithm, issuer, validity, subject, key, and in version 3 the extensions last
    not_before, not_after = (_moment(*one) for one in _elements(body[3][1]))
    return Shown(
        issuer=_common_name(body[2][1]),
        not_before=not_before,
        not_after=not_after,
        names=tuple(_names(body[-1][1])),
    )


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tag and content of each element of *data*."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        yield tag, data[at : at + length]
        at += length


def _moment(tag: int, content: bytes) -> datetime:
    form = "%y%m%d%H%M%SZ" if tag == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(content.decode("ascii"), form).replace(tzinfo=UTC)


def _common_name(name: bytes) -> str:
    for _, relative in _elements(name):
        for _, attribute in _elements(relative):
            (_, kind), (_, value) = _elements(attribute)
            if kind == _COMMON_NAME:
                return value.decode("utf-8", "replace")
    return "an unnamed issuer"


def _names(extensions: bytes) -> Iterator[str]:
    for _, extension in _elements(next(_elements(extensions), (0, b""))[1]):
        parts = list(_elements(extension))
        if parts[0] != (_OID, _SUBJECT_ALT_NAME):
            continue
        value = next(content for tag, content in parts if tag == _OCTETS)
        for tag, name in _elements(next(_elements(value))[1]):
            if tag == _DNS:
                yield name.decode("ascii", "replace")
            elif tag == _ADDRESS:
                yield str(ipaddress.ip_address(name))
