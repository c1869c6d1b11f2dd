"""Which key exchange a handshake agreed on, which `ssl` tells nobody before Python 3.15.

It stands in the server's half of the handshake: in TLS 1.3 in the key share of its ServerHello
(RFC 8446, 4.2.8), in TLS 1.2 in its ServerKeyExchange (RFC 8422, 5.4).  A context lets its
messages be heard; this attribute of it is not documented, so where there is none nothing is said.
"""

import ssl

GROUPS = {
    0x0017: "P-256",
    0x0018: "P-384",
    0x0019: "P-521",
    0x001D: "X25519",
    0x001E: "X448",
    0x11EC: "X25519MLKEM768",
}
"""The groups by their number (IANA, TLS Supported Groups)."""
_SERVER_HELLO, _SERVER_KEY_EXCHANGE = 2, 12
_KEY_SHARE, _NAMED_CURVE = 0x0033, 3


class KeyExchange:
    """Listens to the next handshake of a context, and remembers the group."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.group = ""
        """Its name, or its number if it has none here; empty while none was heard."""
        if hasattr(context, "_msg_callback"):
            context._msg_callback = self._hear

    def _hear(
        self, _end: object, way: str, _version: object, _kind: object, _type: object, data: bytes
    ) -> None:
        number = _group(data) if way == "read" else None
        if number is not None:
            self.group = GROUPS.get(number, f"group {number:#06x}")


def _group(message: bytes) -> int | None:
    """Return the group that a handshake message of a server names, if it is such a message."""
    if message[:1] == bytes([_SERVER_KEY_EXCHANGE]) and message[4:5] == bytes([_NAMED_CURVE]):
        return int.from_bytes(message[5:7])
    if message[:1] != bytes([_SERVER_HELLO]):
        return None
    # Its header, version and random; then a session id, a cipher, a compression, extensions.
    at = 4 + 2 + 32
    at += 1 + message[at] if len(message) > at else 0
    at += 2 + 1 + 2
    while at + 4 <= len(message):
        kind, size = int.from_bytes(message[at : at + 2]), int.from_bytes(message[at + 2 : at + 4])
        if kind == _KEY_SHARE and size >= 2:
            return int.from_bytes(message[at + 4 : at + 6])
        at += 4 + size
    return None
