"""Who comes to validate a name by tls-alpn-01 (RFC 8737), told from all others by the first record.

Only asked while there is something to prove: nobody else waits for it.
"""

import asyncio
import socket

_OFFERED = b"\x0aacme-tls/1"
"""The protocol in a list of ALPN: its length and its name (RFC 7301, 3.1)."""
_HEADER = 5
_LONGEST = _HEADER + (1 << 14)
_POLL_S = 0.01


async def whole(sock: socket.socket, deadline: float) -> bytes:
    """Return the first TLS record without taking it, or what came of it before *deadline*."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            seen = sock.recv(_LONGEST, socket.MSG_PEEK)
        except BlockingIOError:
            seen = b""
        length = _HEADER + int.from_bytes(seen[3:_HEADER], "big")
        if len(seen) >= min(max(length, _HEADER), _LONGEST) or loop.time() >= deadline:
            return seen
        await asyncio.sleep(_POLL_S)


def offers(hello: bytes) -> bool:
    """Whether *hello* offers `acme-tls/1`.

    What only looks so gets to see the answer, which is no secret, and nothing else.
    """
    return _OFFERED in hello


class Closing(asyncio.Protocol):
    """Says nothing, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close it."""
        transport.close()
