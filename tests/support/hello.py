"""Hellos of TLS 1.3 clients, written by hand, so that they can be wrong (RFC 8446, 4 and 5)."""

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

HANDSHAKE, ALERT, CHANGE_CIPHER_SPEC, DATA = 22, 21, 20, 23
CLIENT_HELLO, SERVER_HELLO = 1, 2
X25519, P256 = 0x1D, 0x17
SNI, GROUPS, SIGNATURES, ALPN, PSK, VERSIONS, MODES, SHARES = 0, 10, 13, 16, 41, 43, 45, 51


def u8(data: bytes) -> bytes:
    """Return *data* after its length in one byte."""
    return struct.pack("!B", len(data)) + data


def u16(data: bytes) -> bytes:
    """Return *data* after its length in two bytes."""
    return struct.pack("!H", len(data)) + data


def share(group: int, key: bytes) -> bytes:
    """Return one key share."""
    return struct.pack("!H", group) + u16(key)


def message(kind: int, body: bytes) -> bytes:
    """Return a message of the handshake."""
    return struct.pack("!B", kind) + len(body).to_bytes(3, "big") + body


def record(kind: int, body: bytes, version: int = 0x0301) -> bytes:
    """Return a record that is not encrypted."""
    return struct.pack("!BHH", kind, version, len(body)) + body


def usual() -> dict[int, bytes]:
    """Return the extensions of a sound hello, in their order."""
    return {
        SNI: u16(b"\0" + u16(b"localhost")),
        GROUPS: u16(struct.pack("!HH", X25519, P256)),
        SIGNATURES: u16(struct.pack("!HHH", 0x0804, 0x0403, 0x0401)),
        VERSIONS: u8(struct.pack("!H", 0x0304)),
        MODES: u8(b"\1"),
        SHARES: u16(share(X25519, os.urandom(32))),
    }


@dataclass
class Hello:
    """A hello; what is not said is as it should be."""

    version: int = 0x0303
    session: bytes = b""
    ciphers: tuple[int, ...] = (0x1301, 0x1302, 0x1303)
    compression: bytes = b"\0"
    extensions: dict[int, bytes] = field(default_factory=usual)
    further: bytes = b""
    """Extensions as bytes, after the others."""
    after: bytes = b""
    """What follows the extensions."""
    mend: Callable[[bytes], bytes] = bytes
    """Changes the list of extensions, as bytes without its length."""

    def without(self, *kinds: int) -> "Hello":
        """Leave extensions out."""
        self.extensions = {one: data for one, data in self.extensions.items() if one not in kinds}
        return self

    def with_(self, kind: int, data: bytes) -> "Hello":
        """Say something else in an extension, at the place where it stands."""
        self.extensions[kind] = data
        return self

    @property
    def body(self) -> bytes:
        """The message without its head."""
        said = b"".join(
            struct.pack("!H", kind) + u16(data) for kind, data in self.extensions.items()
        )
        return (
            struct.pack("!H", self.version)
            + os.urandom(32)
            + u8(self.session)
            + u16(b"".join(struct.pack("!H", one) for one in self.ciphers))
            + u8(self.compression)
            + u16(self.mend(said + self.further))
            + self.after
        )

    @property
    def record(self) -> bytes:
        """The whole as one record."""
        return record(HANDSHAKE, message(CLIENT_HELLO, self.body))
