"""Telling the other side why a handshake failed.

OpenSSL writes an alert when it refuses a handshake (RFC 8446, 6.2).  `asyncio` and uvloop drop
it: they close the connection, and a client that could have said "unrecognized name" or "protocol
version" says "connection reset".  Neither has a place to mend that, but both make the handshake
with `wrap_bio` of the context they were given, in the context (PEP 567) of the connection.  So
that is where the handshake learns which socket to send its last word through.
"""

import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

from hermetic.tls import leftovers

_socket: ContextVar[socket.socket | None] = ContextVar("socket of this handshake", default=None)


@contextmanager
def sent_through(sock: socket.socket) -> Iterator[None]:
    """Let a handshake that begins in this block send its alert through *sock*, if it fails.

    *sock* must not block.  Only contexts of `AlertingContext` do so.
    """
    token = _socket.set(sock)
    try:
        yield
    finally:
        _socket.reset(token)


class _Handshake(ssl.SSLObject):
    """One end of a connection that sends its alert before it fails."""

    _last_words: tuple[socket.socket, ssl.MemoryBIO] | None = None

    def do_handshake(self) -> None:
        """Go on with the handshake, as `ssl.SSLObject` does."""
        try:
            with _unreadable_names(self.context):
                super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            if self._last_words is not None:
                sock, outgoing = self._last_words
                # Whoever has gone, or reads nothing, gets none: it is seven bytes.
                with suppress(OSError):
                    sock.send(outgoing.read())
            raise
        self._last_words = None

    def unwrap(self) -> None:
        """Go on with the shutdown, as `ssl.SSLObject` does, and leave nothing behind."""
        try:
            super().unwrap()
        finally:
            leftovers.clear()

    def speak_through(self, sock: socket.socket, outgoing: ssl.MemoryBIO) -> None:
        """Send what is in *outgoing* through *sock* when the handshake fails."""
        self._last_words = (sock, outgoing)


class AlertingContext(ssl.SSLContext):
    """A context whose failed handshakes in memory are told to the other side."""

    sslobject_class = _Handshake

    aside: Callable[[], ssl.SSLContext | None] | None = None
    """Gives, while it gives one, the context for handshakes that offer `acme-tls/1` (RFC 8737)."""

    on_unreadable_name: Callable[[bytes], None] | None = None
    """Hears of each handshake refused because its name, which is not ASCII, cannot be read."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection in memory, as `ssl.SSLContext` does."""
        end = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        sock = _socket.get()
        if sock is not None and isinstance(end, _Handshake):
            end.speak_through(sock, outgoing)
        return end


@contextmanager
def _unreadable_names(context: ssl.SSLContext) -> Iterator[None]:
    """Hear in this block of names that are not ASCII; else a stranger could fill standard error.

    Python refuses such a handshake before the SNI callback is asked, and has nobody to raise it
    to: it writes a traceback through `sys.unraisablehook`, one for each ClientHello.
    """
    before = sys.unraisablehook

    def hear(unraisable: "sys.UnraisableHookArgs") -> None:
        heard = getattr(context, "on_unreadable_name", None)
        if heard is not None and isinstance(unraisable.object, bytes):
            heard(unraisable.object)
        else:
            before(unraisable)

    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = before
