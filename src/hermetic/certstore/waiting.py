"""Keys that wait for the certificate that was requested with them.

A key is made where it will be used and never leaves: it lies beside the stores, for their owner
alone, until what was issued for it is imported.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.credential import fits
from hermetic.certificates.keys import PrivateKey, encode, encode_public
from hermetic.certificates.reading import read
from hermetic.certstore.disk import SYSTEM_DISK, Disk
from hermetic.certstore.entries import Entries, Form
from hermetic.errors import CertificateRejected

_KEY, _REQUEST = "tls.key", "request.csr"


@dataclass(frozen=True)
class Requested:
    """A key, and the request that was made with it."""

    key: PrivateKey = field(repr=False)
    request: x509.CertificateSigningRequest

    @property
    def pem(self) -> bytes:
        """The request, as an authority takes it."""
        return self.request.public_bytes(Encoding.PEM)

    @property
    def name(self) -> str:
        """What it is kept under: the SHA-256 of its public key."""
        return sha256(encode_public(self.key.public_key())).hexdigest()


def _documents(one: Requested) -> dict[str, bytes]:
    return {_KEY: encode(one.key), _REQUEST: one.pem}


def _requested(documents: Mapping[str, bytes]) -> Requested:
    found = read(documents[_KEY] + documents[_REQUEST])
    if len(found.keys) != 1 or len(found.requests) != 1:
        raise CertificateRejected("incomplete", "A waiting request holds one key and one request.")
    return Requested(found.keys[0], found.requests[0])


FORM = Form("request", (_KEY, _REQUEST), _documents, _requested)


class WaitingKeys:
    """The keys that wait, in the folder *root*, which need not be there yet.

    Methods raise as those of `Stores` do.
    """

    def __init__(self, root: Path, *, disk: Disk = SYSTEM_DISK) -> None:
        self._entries = Entries(root, FORM, disk)

    def add(self, one: Requested) -> None:
        """Keep a key until its certificate comes; it is durable when this returns."""
        self._entries.write(one.name, one)

    def all(self) -> tuple[Requested, ...]:
        """Return all that wait."""
        return tuple(self._entries.whole())

    def keys_for(self, certificates: Iterable[x509.Certificate]) -> tuple[PrivateKey, ...]:
        """Return the keys that one of *certificates* was issued for."""
        issued = list(certificates)
        waiting = (one.key for one in self.all())
        return tuple(key for key in waiting if any(fits(key, leaf) for leaf in issued))

    def remove(self, key: PrivateKey) -> None:
        """Forget a key, whose certificate has come; one that does not wait is ignored."""
        name = sha256(encode_public(key.public_key())).hexdigest()
        if name in self._entries.names():
            self._entries.remove(name)
