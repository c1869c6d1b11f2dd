"""What somebody gets who speaks plain HTTP to a port that speaks TLS.

An answer, so that the mistake is understood in a second: without it, clients say "connection
reset" or "invalid HTTP version".  Nothing of the request is believed, and nothing of it is done.
"""

import asyncio
import re
import secrets
import socket
from contextlib import suppress
from typing import NamedTuple

from hermetic.errors import PlainHttp
from hermetic.wire.problems import reply

_LARGEST_HEAD = 8192
_LARGEST_REST = 1 << 20
_REQUEST = re.compile(rb"(?P<method>[A-Za-z]{1,32}) (?P<target>[\x21-\x7e]{1,2048}) HTTP/")
_HOST = re.compile(rb"\r\nhost:[ \t]*([A-Za-z0-9.:\[\]-]{1,261})[ \t]*\r\n", re.IGNORECASE)


class Asked(NamedTuple):
    """What was asked for in plain HTTP, as far as it was understood."""

    method: str
    url: str
    """Where it would be found through TLS."""


def begins_http(first: bytes) -> bool:
    """Whether *first*, the first byte or more of a connection, may be a request (RFC 9112, 3)."""
    return first[:1].isalpha()


async def answer(sock: socket.socket, *, patience_s: float) -> Asked | None:
    """Read a request from *sock*, answer it with 400 and the right address, and close it.

    Returns what was asked for, or None if it was no HTTP after all and nothing was answered.
    Reading takes *patience_s* seconds at most, and answering too, whatever the other side does.
    """
    asked = None
    with sock, suppress(OSError):  # who is gone needs no answer
        head = await _head(sock, patience_s)
        asked = _understood(head, sock)
        if asked is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await _send(sock, _written(asked))
    return asked


async def _head(sock: socket.socket, patience_s: float) -> bytes:
    """Return what came until the head ended, it became too long, or time was up."""
    loop, head = asyncio.get_running_loop(), b""
    with suppress(TimeoutError):
        async with asyncio.timeout(patience_s):
            while b"\r\n\r\n" not in head and len(head) < _LARGEST_HEAD:
                received = await loop.sock_recv(sock, _LARGEST_HEAD)
                if not received:
                    break
                head += received
    return head


def _understood(head: bytes, sock: socket.socket) -> Asked | None:
    request = _REQUEST.match(head)
    if request is None:
        return None
    host = _HOST.search(head)
    authority = _own_authority(sock) if host is None else host[1].decode("ascii")
    target = request["target"].decode("ascii")
    path = target if target.startswith("/") else "/"
    return Asked(request["method"].decode("ascii"), f"https://{authority}{path}")


def _own_authority(sock: socket.socket) -> str:
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        return "localhost"
    address, port = sock.getsockname()[:2]
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _written(asked: Asked) -> bytes:
    request_id = secrets.token_hex(8)
    error = PlainHttp(f"This port speaks TLS, not plain HTTP: use {asked.url} instead.")
    told = reply(error, request_id)
    headers = [
        *told.headers,
        (b"content-length", b"%d" % len(told.body)),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
    ]
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    body = b"" if asked.method.upper() == "HEAD" else told.body
    return b"HTTP/1.1 %d Bad Request\r\n%b\r\n%b" % (told.status, lines, body)


async def _send(sock: socket.socket, written: bytes) -> None:
    """Send the answer, and wait until the other side has it.

    A socket that is closed with unread input resets the connection, and the other side would
    lose the answer with it; so the rest of the request is taken and thrown away.
    """
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, written)
    sock.shutdown(socket.SHUT_WR)
    taken = 0
    while taken < _LARGEST_REST and (rest := await loop.sock_recv(sock, 1 << 16)):
        taken += len(rest)
