"""The certificates that the other side of a connection showed, as `ssl` hands them out.

From the handshake and from nowhere else: who somebody is, no header and no payload says.  The
order and the content are the other side's own; what they are worth is for others to judge.
"""

import _ssl
import ssl
import sys
from collections.abc import Iterable, Sequence
from typing import Protocol, cast

from cryptography import x509

from hermetic.errors import CertificateRejected

End = ssl.SSLObject | ssl.SSLSocket
"""One end of a connection, in memory (asyncio, uvloop, anyio) or on a socket."""


class _Certificate(Protocol):
    def public_bytes(self, encoding: int, /) -> bytes:
        """Return the certificate in that encoding."""
        ...


class _Unwrapped(Protocol):
    def get_unverified_chain(self) -> Iterable[_Certificate] | None:
        """Return what the other side showed."""
        ...


def shown_on(end: End) -> tuple[bytes, ...]:
    """Return what the other side showed, in DER: its leaf, then the rest in its own order.

    Nothing where no certificate was shown.  To be called when the handshake has ended.
    """
    leaf = end.getpeercert(binary_form=True)
    if leaf is None:
        return ()
    return (leaf, *(one for one in _chain(end) if one != leaf))


def parsed(shown: Sequence[bytes]) -> tuple[x509.Certificate, ...]:
    """Return the certificates, or raise `CertificateRejected`: `no-certificate`, `malformed`."""
    if not shown:
        raise CertificateRejected(
            "no-certificate",
            "No certificate was shown, and without one nobody is let in: present one that is"
            " issued for client authentication.",
        )
    try:
        return tuple(x509.load_der_x509_certificate(one) for one in shown)
    except ValueError as error:
        raise CertificateRejected(
            "malformed", f"A certificate that was shown cannot be read: {error}."
        ) from error


def _chain(end: End) -> Iterable[bytes]:
    if sys.version_info >= (3, 13):
        return end.get_unverified_chain()
    # Public since 3.13; the object below has had it since 3.10, both of sockets and in memory.
    below = cast(_Unwrapped, getattr(end, "_sslobj"))  # noqa: B009 - the stubs do not know it
    return [one.public_bytes(_ssl.ENCODING_DER) for one in below.get_unverified_chain() or ()]
