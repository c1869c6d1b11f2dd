"""A chain: a certificate and those that vouch for it, leaf first.

Pure, and no judge: a chain says who issued whom.  Whether it is trusted, in time and fit for a
name is for `verification` to say.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization

from hermetic.certificates.effort import Effort
from hermetic.certificates.extensions import extension
from hermetic.certificates.names import names_of
from hermetic.certificates.refusal import shown
from hermetic.errors import CertificateRejected

_LARGEST_CHAIN = 95_000  # bytes of PEM; cert-manager's bound, far above every public CA's chain


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


def order(
    certificates: Iterable[x509.Certificate],
    *,
    leaf: x509.Certificate | None = None,
    pool: Iterable[x509.Certificate] = (),
) -> Chain:
    """Return the chain that *certificates*, in any order, make up.

    Of several ways up the shortest that reaches a root is taken, then the one valid longest; so
    the order in which they came makes no difference.  Repeats are dropped, and so are older
    certificates for the leaf's key, issuers on other ways (cross-signs) and, once a root is
    reached, authorities that have no part in it.  From the *pool* only what continues the chain
    is taken.

    Without *leaf* it is the one certificate that is no authority's; or, among authorities alone,
    the one that issued none of the others.

    Raises:
        CertificateRejected: `no-certificate`; `stray-certificate` if there is another leaf;
            `incomplete-chain` if one between the leaf and the authorities at hand is missing;
            `too-large` and `too-complex` if it is no sensible chain.
    """
    given = list(dict.fromkeys(certificates))
    if not given:
        raise CertificateRejected(
            "no-certificate", "There is no certificate: add the one that was issued."
        )
    links = _Links([*given, *pool])
    leaf = leaf or _only_leaf(given, links)
    path, reached = links.path_from(leaf)
    _refuse_strays(set(given) - set(path), leaf, path, reached, links)
    return _bounded(Chain(path))


def complete(chain: Chain, pool: Iterable[x509.Certificate]) -> Chain:
    """Return *chain* continued to a root with certificates of *pool*.

    Raises `CertificateRejected` (`incomplete-chain`) if an issuer is in neither.
    """
    links = _Links([*chain.certificates, *pool])
    path, _ = links.path_from(chain.leaf)
    if not links.is_root(path[-1]):
        raise _missing_issuer(path[-1], "add it, or trust a root that issued it")
    return _bounded(Chain(path))


def extended(chain: Chain, pool: Iterable[x509.Certificate]) -> Chain:
    """Return *chain* with what *pool* has above its last certificate, the root if it is there.

    What the chain has already stays as it is: a cross-sign that somebody chose is not replaced
    by a shorter way, which not every client may know.
    """
    last = chain.certificates[-1]
    path, _ = _Links([last, *pool]).path_from(last)
    if set(path[1:]) & set(chain.certificates):
        return chain  # authorities that vouch for each other: there is no way up
    return _bounded(Chain((*chain.certificates, *path[1:])))


def without_root(chain: Chain) -> Chain:
    """Return *chain* without its root: clients have their own, and RFC 8446 (4.4.2) lets us.

    A certificate that is alone stays.
    """
    last = chain.certificates[-1]
    if len(chain.certificates) > 1 and last.subject == last.issuer:
        return Chain(chain.certificates[:-1])
    return chain


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether the basic constraints say that it may issue others."""
    constraints = extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.value.ca


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether its own key signed it."""
    return _Links(()).is_root(certificate)


class _Links:
    """Who issued whom among some certificates: by name, key identifier and signature."""

    def __init__(self, certificates: Iterable[x509.Certificate]) -> None:
        self._effort = Effort()
        self._by_subject: dict[x509.Name, list[x509.Certificate]] = defaultdict(list)
        for certificate in dict.fromkeys(certificates):
            self._by_subject[certificate.subject].append(certificate)
        for namesakes in self._by_subject.values():
            namesakes.sort(key=_preference)

    def is_root(self, certificate: x509.Certificate) -> bool:
        """Whether it vouches for itself."""
        return self._is_issuer(certificate, certificate)

    def issuers_of(self, certificate: x509.Certificate) -> list[x509.Certificate]:
        """Return those that issued it, itself left out, the most preferred first."""
        namesakes = self._by_subject.get(certificate.issuer, [])
        return [c for c in namesakes if c != certificate and self._is_issuer(c, certificate)]

    def path_from(
        self, leaf: x509.Certificate
    ) -> tuple[tuple[x509.Certificate, ...], set[x509.Certificate]]:
        """Return the way from *leaf* up, and all that were met.

        Breadth first, each certificate once: the first root met is the nearest, and a tangle of
        cross-signs costs no more than a chain.
        """
        below: dict[x509.Certificate, x509.Certificate | None] = {leaf: None}
        level = [leaf]
        while True:
            top = next((c for c in level if self.is_root(c)), None)
            above: list[x509.Certificate] = []
            if top is None:
                for child in level:
                    for issuer in self.issuers_of(child):
                        if issuer not in below:
                            below[issuer] = child
                            above.append(issuer)
            if not above:
                return _traced(top or level[0], below), set(below)
            level = sorted(above, key=_preference)

    def _is_issuer(self, issuer: x509.Certificate, child: x509.Certificate) -> bool:
        if child.issuer != issuer.subject or not _key_identifiers_agree(issuer, child):
            return False
        self._effort.check_signature()
        try:
            child.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            return False
        return True


def _traced(
    top: x509.Certificate, below: dict[x509.Certificate, x509.Certificate | None]
) -> tuple[x509.Certificate, ...]:
    path = [top]
    while (child := below[path[-1]]) is not None:
        path.append(child)
    return tuple(reversed(path))


def _preference(certificate: x509.Certificate) -> tuple[float, bytes]:
    """Sort the certificate valid longest first; the fingerprint decides what is left."""
    return (
        -certificate.not_valid_after_utc.timestamp(),
        certificate.fingerprint(hashes.SHA256()),
    )


def _key_identifiers_agree(issuer: x509.Certificate, child: x509.Certificate) -> bool:
    """Whether nothing speaks against it; costs far less than a signature."""
    wanted = extension(child, x509.AuthorityKeyIdentifier)
    has = extension(issuer, x509.SubjectKeyIdentifier)
    if wanted is None or wanted.value.key_identifier is None or has is None:
        return True
    return wanted.value.key_identifier == has.value.digest


def _only_leaf(given: list[x509.Certificate], links: _Links) -> x509.Certificate:
    leaves = [c for c in given if not is_authority(c)]
    if not leaves:
        issuers = {issuer for c in given for issuer in links.issuers_of(c)}
        leaves = [c for c in given if c not in issuers]
    leaves.sort(key=_preference)
    if not leaves:
        raise CertificateRejected(
            "stray-certificate",
            "These authorities issued each other: give the certificate the chain is for as well.",
        )
    for other in leaves[1:]:
        if not _is_same_key(leaves[0], other):
            raise _stray(other, leaves[0])
    return leaves[0]


def _refuse_strays(
    left: set[x509.Certificate],
    leaf: x509.Certificate,
    path: tuple[x509.Certificate, ...],
    reached: set[x509.Certificate],
    links: _Links,
) -> None:
    """Refuse what is left over if it shows that something is missing, or that this is a mixture."""
    ends_at_root = links.is_root(path[-1])
    for other in sorted(left, key=_preference):
        if not is_authority(other):
            if not _is_same_key(leaf, other):
                raise _stray(other, leaf)
        elif not ends_at_root and other not in reached:
            # A root that is not part of it may be the end of what is missing: guessing would
            # serve a chain that clients refuse.
            raise _missing_issuer(
                path[-1], f"add it, or remove {shown(other.subject)}, which it is not"
            )


def _is_same_key(one: x509.Certificate, other: x509.Certificate) -> bool:
    try:
        return one.public_key() == other.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def _bounded(chain: Chain) -> Chain:
    if len(chain.pem) > _LARGEST_CHAIN:
        raise CertificateRejected(
            "too-large",
            f"A chain of {len(chain.pem)} bytes is too large: at most {_LARGEST_CHAIN}.",
        )
    return chain


def _stray(other: x509.Certificate, leaf: x509.Certificate) -> CertificateRejected:
    return CertificateRejected(
        "stray-certificate",
        f"{shown(other.subject)} has no place in the chain of {shown(leaf.subject)}:"
        " keep one of them.",
    )


def _missing_issuer(certificate: x509.Certificate, remedy: str) -> CertificateRejected:
    return CertificateRejected(
        "incomplete-chain",
        f"The certificate of {shown(certificate.issuer)}, which issued"
        f" {shown(certificate.subject)}, is missing: {remedy}.",
    )
