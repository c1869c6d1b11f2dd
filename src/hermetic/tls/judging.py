"""A client's context that judges the server inside the handshake.

OpenSSL checks chain, time and name; what it is not asked (revocation, purpose, who of those that
the roots vouch for is meant) is judged here, before the handshake is over for whoever waits for
it.  So it holds whatever stands on top: asyncio, uvloop, anyio, a plain socket.  A library that
never asks for a handshake and only reads and writes would get none of it; we know of none.
"""

import socket
import ssl
from collections.abc import Callable, Sequence

from cryptography import x509

from hermetic.errors import BadInput
from hermetic.tls import leftovers
from hermetic.tls.shown import End, parsed, shown_on

Judge = Callable[[Sequence[x509.Certificate], str | None], object]
"""Raises `CertificateRejected` for what a server shows (leaf first) that was reached by a name."""

_APPLICATION_VERIFICATION = 50  # X509_V_ERR_APPLICATION_VERIFICATION of OpenSSL


class _JudgedObject(ssl.SSLObject):
    """One end of a connection in memory whose handshake ends with the judgement."""

    def do_handshake(self) -> None:
        """Go on with the handshake, as `ssl.SSLObject` does."""
        super().do_handshake()
        _judge(self)

    def unwrap(self) -> None:
        """Go on with the shutdown, as `ssl.SSLObject` does, and leave nothing behind."""
        try:
            super().unwrap()
        finally:
            leftovers.clear()


class _JudgedSocket(ssl.SSLSocket):
    """A socket whose handshake ends with the judgement."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands, as `ssl.SSLSocket` does."""
        super().do_handshake(block)
        _judge(self)


class JudgingContext(ssl.SSLContext):
    """A context for a client; set what it needs before its first connection, and never again."""

    sslobject_class = _JudgedObject
    sslsocket_class = _JudgedSocket

    judge: Judge | None = None
    """Who judges the server; `None` leaves it to OpenSSL."""
    name: str | None = None
    """What the server must be called, and is asked for, instead of what is connected to."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection in memory, as `ssl.SSLContext` does."""
        return super().wrap_bio(
            incoming, outgoing, server_side, self.name or server_hostname, session
        )

    def wrap_socket(
        self,
        sock: socket.socket,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """Begin a connection on a socket, as `ssl.SSLContext` does."""
        return super().wrap_socket(
            sock,
            server_side,
            do_handshake_on_connect,
            suppress_ragged_eofs,
            self.name or server_hostname,
            session,
        )


def _judge(end: End) -> None:
    context = end.context
    if not isinstance(context, JudgingContext) or context.judge is None:
        return
    try:
        context.judge(parsed(shown_on(end)), end.server_hostname)
    except BadInput as rejected:
        raise _failed(rejected.text) from rejected


def _failed(text: str) -> ssl.SSLCertVerificationError:
    """Return the error that every caller knows how to handle, with our sentence in it."""
    error = ssl.SSLCertVerificationError(ssl.SSLErrorNumber.SSL_ERROR_SSL, text)
    error.library, error.reason = "SSL", "CERTIFICATE_VERIFY_FAILED"
    error.verify_code, error.verify_message = _APPLICATION_VERIFICATION, text
    return error
