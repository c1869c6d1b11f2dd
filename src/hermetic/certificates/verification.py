"""Whether a certificate is to be believed: chain, time, name, purpose, constraints, revocation.

Paths are built depth first from the leaf to a root and judged as they grow (RFC 5280, 6.1).
The time comes in as an argument; nothing is fetched.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from hermetic.certificates.chain import Chain
from hermetic.certificates.constraints import check_name_constraints
from hermetic.certificates.effort import Effort
from hermetic.certificates.extensions import extension
from hermetic.certificates.names import ServerName
from hermetic.certificates.profile import (
    check_authority,
    check_common_name,
    check_leaf,
    check_name,
    check_time,
)
from hermetic.certificates.refusal import refusal, shown
from hermetic.certificates.revocation import Revocations, check_revocation
from hermetic.certificates.roles import Role
from hermetic.certificates.strength import (
    check_key,
    check_signature_hash,
    check_signature_padding,
)
from hermetic.errors import CertificateRejected

LONGEST_PATH = 8
"""How many authorities may stand between a leaf and its root; public chains have at most 4."""

_NO_LISTS = Revocations()


@dataclass(frozen=True)
class Authorities:
    """Whom to believe, and who may stand in between, looked up by subject.

    `verify` makes one of the roots it is given; whoever judges many chains makes it once, since
    with a thousand roots that takes longer than the rest of a verification.
    """

    roots: frozenset[x509.Certificate]
    _by_subject: Mapping[x509.Name, tuple[x509.Certificate, ...]] = field(repr=False)

    @classmethod
    def of(
        cls,
        roots: Iterable[x509.Certificate],
        intermediates: Iterable[x509.Certificate] = (),
    ) -> "Authorities":
        """Return them without repeats, the roots first; who is named first is tried first."""
        roots = tuple(roots)
        by_subject: dict[x509.Name, dict[x509.Certificate, None]] = {}
        for one in (*roots, *intermediates):
            try:
                subject, _ = one.subject, one.issuer
            except ValueError:
                continue  # one that cannot be read vouches for nobody
            by_subject.setdefault(subject, {})[one] = None
        return cls(frozenset(roots), {name: tuple(found) for name, found in by_subject.items()})

    def named(self, subject: x509.Name) -> tuple[x509.Certificate, ...]:
        """Return those of that name."""
        return self._by_subject.get(subject, ())


def verify(
    certificates: Sequence[x509.Certificate],
    *,
    roots: Iterable[x509.Certificate] | Authorities,
    at: datetime,
    name: ServerName | str | None = None,
    purpose: Role | None = None,
    revocations: Revocations = _NO_LISTS,
    longest: int = LONGEST_PATH,
) -> Chain:
    """Return the chain, leaf first and root last, by which the leaf is to be believed.

    Every refusal is `CertificateRejected` with a code of its own; of several paths that fail,
    the one that came farthest is told.  `BadInput` if *name* cannot name a server.

    Args:
        certificates: The leaf, and after it in any order what may help to reach a root.
        roots: Whom to believe, perhaps with intermediates that are at hand anyway.  Roots among
            *certificates* count for nothing.
        at: The moment to judge for, with its time zone.
        name: What the caller wanted to reach; `None` leaves names unchecked.
        purpose: What the leaf is used for; `None` leaves extended key usages unchecked.
        revocations: Lists of what was taken back; without any, revocation is not checked.
        longest: How many authorities may stand between leaf and root; self-issued ones are
            not counted.
    """
    if not certificates:
        raise CertificateRejected("no-certificate", "There is no certificate to verify.")
    leaf, moment = certificates[0], at.astimezone(UTC).replace(microsecond=0)
    check_leaf(leaf, purpose)
    check_time(leaf, moment)
    if name is not None:
        check_name(leaf, ServerName.parse(name) if isinstance(name, str) else name)
    trusted = roots if isinstance(roots, Authorities) else Authorities.of(roots)
    presented = Authorities.of((), certificates[1:])
    search = _Search(trusted, presented, moment, purpose, revocations, longest)
    path = search.extend((leaf,))
    if path is None:
        raise search.farthest
    if purpose is not Role.AUTHENTICATION:
        check_common_name(leaf)
    return Chain(path)


_Path = tuple[x509.Certificate, ...]


@dataclass
class _Search:
    """One search for a path: who may stand in it, what it has cost, how far it came."""

    trusted: Authorities
    presented: Authorities
    at: datetime
    purpose: Role | None
    revocations: Revocations
    longest: int
    farthest: CertificateRejected = field(init=False)
    _rank: tuple[bool, int] = (False, -1)
    _effort: Effort = field(default_factory=Effort)

    def extend(self, path: _Path) -> _Path | None:
        """Return *path* completed to a root, or `None`, having noted in `farthest` why not."""
        last = path[-1]
        candidates = (*self.trusted.named(last.issuer), *self.presented.named(last.issuer))
        for authority in dict.fromkeys(candidates):
            if any(_is_same_authority(authority, one) for one in path):
                continue
            try:
                self._check_link(path, authority)
                if authority in self.trusted.roots:
                    return self._complete((*path, authority))
            except CertificateRejected as error:
                if error.code == "too-complex":
                    raise
                # what is wrong below a root that is trusted says more than a path into nowhere
                is_close = authority in self.trusted.roots and error.code != "bad-signature"
                self._note((is_close, len(path)), error)
                continue
            found = self.extend((*path, authority))
            if found is not None:
                return found
        self._note((False, len(path) - 1), _unknown_issuer(last, is_known=bool(candidates)))
        return None

    def _check_link(self, path: _Path, authority: x509.Certificate) -> None:
        """Refuse *authority* if it did not, or may not, issue the last certificate of *path*."""
        is_root = authority in self.trusted.roots
        if not is_root and _is_self_signed(authority):
            raise _unknown_issuer(authority, is_known=False)
        check_key(authority)
        check_signature_hash(path[-1])
        check_signature_padding(path[-1])
        self._effort.check_signature()
        _check_signature(path[-1], authority)
        check_authority(authority, self.purpose, is_root=is_root)
        check_time(authority, self.at)
        self._check_length(path, authority, is_root=is_root)

    def _check_length(self, path: _Path, authority: x509.Certificate, *, is_root: bool) -> None:
        # self-issued ones change a key, not the authority, and are not counted (4.2.1.9)
        below = sum(one.subject != one.issuer for one in path[1:])
        counted = below + (not is_root and authority.subject != authority.issuer)
        if counted > self.longest:
            raise refusal(
                path[0],
                "path-too-long",
                f"has more than {self.longest} authorities between itself and a root.",
            )
        constraints = extension(authority, x509.BasicConstraints)
        limit = constraints.value.path_length if constraints is not None else None
        if limit is not None and below > limit:
            raise refusal(
                authority,
                "path-too-long",
                f"allows {limit} authorities below itself, and there are {below} (4.2.1.9).",
            )

    def _complete(self, path: _Path) -> _Path:
        check_name_constraints(path, self._effort)
        check_revocation(path, self.revocations, self.at, self._effort)
        return path

    def _note(self, rank: tuple[bool, int], error: CertificateRejected) -> None:
        if rank > self._rank:
            self._rank, self.farthest = rank, error


def _check_signature(certificate: x509.Certificate, authority: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise refusal(
            certificate,
            "bad-signature",
            f"is not signed by the key of {shown(authority.subject)} that is at hand: it was"
            " changed, or another authority has the same name.",
        ) from error


def _is_same_authority(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether both are of one authority: a path through both goes in a circle."""
    if one == other:
        return True
    if one.subject != other.subject:
        return False
    try:
        return one.public_key() == other.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def _is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether it says that its own key signed it; self-issued with another key is no root."""
    if certificate.subject != certificate.issuer:
        return False
    above = extension(certificate, x509.AuthorityKeyIdentifier)
    own = extension(certificate, x509.SubjectKeyIdentifier)
    return above is None or own is None or above.value.key_identifier == own.value.digest


def _unknown_issuer(certificate: x509.Certificate, *, is_known: bool) -> CertificateRejected:
    issuer = shown(certificate.issuer)
    if certificate.issuer == certificate.subject:
        return refusal(
            certificate,
            "untrusted-root",
            "is self-signed and not one of the roots trusted: trust it if it is the right one.",
        )
    if is_known:
        return refusal(
            certificate, "unknown-issuer", f"was issued by {issuer}, from whom no root is reached."
        )
    return refusal(
        certificate,
        "unknown-issuer",
        f"was issued by {issuer}, who is neither a root nor among the certificates given: add the"
        " missing intermediate, or trust the root.",
    )
