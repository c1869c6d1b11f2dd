"""A chain: a certificate and those that vouch for it, leaf first.

Pure, and no judge: a chain says who issued whom.  Whether it is trusted, in time and fit for a
name is for `verification` to say.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from hermetic.certificates.names import names_of


@dataclass(frozen=True)
class Chain:
    """A certificate and its issuers, leaf first; the root may be there or not."""

    certificates: tuple[x509.Certificate, ...]

    @property
    def leaf(self) -> x509.Certificate:
        """The certificate the chain is about."""
        return self.certificates[0]

    @property
    def issuers(self) -> tuple[x509.Certificate, ...]:
        """The certificates above the leaf, nearest first."""
        return self.certificates[1:]

    @property
    def not_before(self) -> datetime:
        """The moment from which the leaf is valid, in UTC."""
        return self.leaf.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """The last moment at which the leaf is valid, in UTC."""
        return self.leaf.not_valid_after_utc

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The DNS names (as A-labels) and IP addresses of the leaf, in its own order."""
        return names_of(self.leaf)

    @property
    def serial(self) -> int:
        """The serial number of the leaf."""
        return self.leaf.serial_number

    @cached_property
    def sha256(self) -> str:
        """The fingerprint of the leaf: SHA-256 of its DER, in lower-case hexadecimal."""
        return self.leaf.fingerprint(hashes.SHA256()).hex()

    @property
    def subject(self) -> str:
        """The distinguished name of the leaf, as RFC 4514 text."""
        return self.leaf.subject.rfc4514_string()

    @cached_property
    def pem(self) -> bytes:
        """The certificates in PEM, leaf first."""
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in self.certificates)


def without_root(chain: Chain) -> Chain:
    """Return *chain* without its root: clients have their own, and RFC 8446 (4.4.2) lets us."""
    last = chain.certificates[-1]
    if len(chain.certificates) > 1 and last.subject == last.issuer:
        return Chain(chain.certificates[:-1])
    return chain
