"""Who may come in: whom the roots vouch for, and of those only who is meant.

A certificate is believed first (`verification`) and looked at afterwards: a name counts because
an authority that is trusted stands behind it, and never by itself.  Nothing here asks where a
certificate came from; that it came from the socket, and not from a header, is its bringer's to see.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise

from cryptography import x509

from hermetic.certificates import fingerprints as digests
from hermetic.certificates.chain import Chain
from hermetic.certificates.extensions import extension
from hermetic.certificates.names import (
    DistinguishedName,
    PresentedName,
    ServerName,
    presented_names,
)
from hermetic.certificates.refusal import refusal, shown
from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from hermetic.certificates.verification import Authorities, verify
from hermetic.errors import BadInput, CertificateRejected

_MOST_SHOWN = 5  # of what is allowed, in a sentence


@dataclass(frozen=True)
class Allowed:
    """Who of those that the roots vouch for may come in.

    Each list that is not empty asks for one of what it holds; `denied` is asked before all of
    them.  Without any, whoever the roots vouch for may come in.
    """

    issuers: tuple[DistinguishedName, ...] = ()
    """Authorities, one of which stands in the verified path: the one that signed the leaf, or
    one above it up to the root, since people name the authority they know."""
    subjects: tuple[DistinguishedName, ...] = ()
    """Subjects of leaves."""
    names: tuple[PresentedName, ...] = ()
    """DNS names and addresses, one of which the leaf has as subjectAltName; a wildcard stands
    for any one label."""
    uris: tuple[str, ...] = ()
    """URIs, one of which the leaf has as subjectAltName, letter for letter (SPIFFE IDs, say)."""
    roots: frozenset[str] = frozenset()
    """SHA-256 of roots, one of which the verified path ends in."""
    fingerprints: frozenset[str] = frozenset()
    """SHA-1 or SHA-256 of leaves."""
    denied: frozenset[str] = frozenset()
    """SHA-1 or SHA-256 of leaves, or of authorities together with all that is verified by them.
    An authority that has another certificate for its key is better revoked."""

    @classmethod
    def parse(
        cls,
        *,
        issuers: Iterable[str] = (),
        subjects: Iterable[str] = (),
        names: Iterable[str] = (),
        fingerprints: Iterable[str] = (),
        denied: Iterable[str] = (),
        roots: Iterable[str] = (),
    ) -> "Allowed":
        """Return what people have written in settings; *names* are DNS names, addresses and URIs.

        Raises `BadInput` for what is none; also for an empty text, which asks for nobody: a
        setting that was left blank must not let everybody in.
        """
        written = tuple(names)
        return cls(
            issuers=tuple(DistinguishedName.parse(one) for one in issuers),
            subjects=tuple(DistinguishedName.parse(one) for one in subjects),
            names=tuple(_name(one) for one in written if not _is_uri(one)),
            uris=tuple(one for one in written if _is_uri(one)),
            fingerprints=_parsed(fingerprints),
            denied=_parsed(denied),
            roots=_parsed(roots),
        )

    def check(self, chain: Chain) -> None:
        """Refuse a *chain*, verified and with its root, of somebody who may not come in.

        Raises `CertificateRejected`: `denied`, `wrong-issuer`, `wrong-subject`, `wrong-name` or
        `wrong-fingerprint`.
        """
        self._check_denied(chain)
        self._check_root(chain)
        self._check_issuer(chain)
        self._check_subject(chain.leaf)
        self._check_names(chain.leaf)
        self._check_fingerprint(chain.leaf)

    def _check_denied(self, chain: Chain) -> None:
        if not self.denied:
            return
        root = chain.certificates[-1]
        for certificate, authority in pairwise((*chain.certificates, root)):
            if self.denied & digests.all_fingerprints_of(certificate, authority):
                raise refusal(
                    certificate,
                    "denied",
                    f"(SHA-256 {chain.sha256}) is on the list of those who are kept out: use"
                    " another certificate, or have it taken off the list."
                    if certificate is chain.leaf
                    else "is on the list of those who are kept out, with all that it signed:"
                    " have a certificate issued by another authority.",
                )

    def _check_root(self, chain: Chain) -> None:
        root = chain.certificates[-1]
        if self.roots and Chain((root,)).sha256 not in self.roots:
            raise refusal(
                chain.leaf,
                "wrong-issuer",
                f"goes back to {shown(root.subject)}, and only what the authority that this node"
                " has joined vouches for is let in: have it issued there.",
            )

    def _check_issuer(self, chain: Chain) -> None:
        if not self.issuers:
            return
        for authority in chain.issuers:
            if _is_among(DistinguishedName.of(authority.subject), self.issuers):
                return
        above = ", which is below ".join(shown(one.subject) for one in chain.issuers)
        raise refusal(
            chain.leaf,
            "wrong-issuer",
            f"was issued by {above}, and only what {_listed(self.issuers)} vouches for is let in:"
            " have it issued there, or allow this issuer.",
        )

    def _check_subject(self, leaf: x509.Certificate) -> None:
        if self.subjects and not _is_among(DistinguishedName.of(leaf.subject), self.subjects):
            raise refusal(
                leaf,
                "wrong-subject",
                f"is not of a subject that is let in, which is {_listed(self.subjects)}: use the"
                " certificate of that subject, or allow this one.",
            )

    def _check_names(self, leaf: x509.Certificate) -> None:
        if not self.names and not self.uris:
            return
        presented, uris = presented_names(leaf), uris_of(leaf)
        if any(_allows(one, name) for one in self.names for name in presented):
            return
        if not set(self.uris).isdisjoint(uris):
            return
        raise refusal(
            leaf,
            "wrong-name",
            f"names {_listed((*presented, *uris)) or 'nobody'}, and only"
            f" {_listed((*self.names, *self.uris))} is let in: have it issued with such a"
            " subjectAltName, or allow one of its own.",
        )

    def _check_fingerprint(self, leaf: x509.Certificate) -> None:
        if not self.fingerprints:
            return
        own = digests.fingerprints_of(leaf)
        if self.fingerprints.isdisjoint(own):
            longest = max(own, key=len)
            raise refusal(
                leaf,
                "wrong-fingerprint",
                f"has the fingerprint {longest} (SHA-256), which is none of the"
                f" {len(self.fingerprints)} that are let in: allow it, or use one of those.",
            )


_EVERYBODY = Allowed()
_NO_LISTS = Revocations()


@dataclass(frozen=True)
class Trust:
    """Whom to believe at one moment, and who of those may come in; replaced, never changed."""

    roots: tuple[x509.Certificate, ...]
    """Without any, nobody is believed."""
    role: Role
    """What the certificates to be judged are used for."""
    intermediates: tuple[x509.Certificate, ...] = ()
    """Authorities that peers may leave out of what they show; they are not believed by themselves."""
    revocations: Revocations = _NO_LISTS
    allowed: Allowed = _EVERYBODY

    def judge(
        self,
        certificates: Sequence[x509.Certificate],
        at: datetime,
        *,
        name: ServerName | str | None = None,
    ) -> Chain:
        """Return the chain, with its root, by which the leaf is believed and let in.

        Args:
            certificates: What the peer showed: its leaf, and after it in any order its issuers.
            at: The moment to judge for, with its time zone.
            name: The server that was to be reached; `None` where the peer came to us.

        Raises:
            CertificateRejected: With the codes of `verification.verify` and `Allowed.check`.
            BadInput: The *name* cannot name a server.
        """
        chain = verify(
            certificates,
            roots=self._authorities,
            at=at,
            name=name,
            purpose=self.role,
            revocations=self.revocations,
        )
        self.allowed.check(chain)
        return chain

    def holds_until(self, chain: Chain, at: datetime) -> datetime:
        """Return until when the judgement of *chain*, made at the moment *at*, holds by itself.

        Then a certificate of it ends, or a revocation list begins or ends to count.
        """
        ends = [one.not_valid_after_utc for one in chain.certificates]
        return min([*ends, *(moment for moment in self._turns if moment >= at)])

    @cached_property
    def _authorities(self) -> Authorities:
        return Authorities.of(self.roots, self.intermediates)

    @cached_property
    def _turns(self) -> tuple[datetime, ...]:
        """The moments at which what the revocation lists say changes."""
        turns: list[datetime] = []
        for one in self.revocations.lists:
            turns += (one.last_update_utc, *([one.next_update_utc] if one.next_update_utc else ()))
        return tuple(turns)


def uris_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the URIs of the subjectAltName, in its order.

    Raises `CertificateRejected` (`malformed`) if the extensions cannot be read.
    """
    found = extension(certificate, x509.SubjectAlternativeName)
    if found is None:
        return ()
    return tuple(found.value.get_values_for_type(x509.UniformResourceIdentifier))


def _is_uri(text: str) -> bool:
    # Not at the first colon: it may be an address of IPv6, or a port written by mistake.
    return "://" in text or text.lower().startswith("urn:")


def _name(text: str) -> PresentedName:
    try:
        return PresentedName.parse(text)
    except CertificateRejected as error:
        raise BadInput(error.text) from error


def _parsed(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(digests.parse(one) for one in texts)


def _is_among(name: DistinguishedName, others: Iterable[DistinguishedName]) -> bool:
    return any(name.is_same_as(other) for other in others)


def _allows(allowed: PresentedName, presented: PresentedName) -> bool:
    """Whether *presented* is the name allowed, or one that the wildcard allowed stands for.

    A certificate for a wildcard says that its holder answers to any such name, and not that it
    is one of them: it is let in only where that very wildcard is.
    """
    if presented.is_wildcard:
        return allowed == presented
    return allowed.matches(ServerName(presented.text, presented.address))


def _listed(values: Sequence[object]) -> str:
    more = f" or {len(values) - _MOST_SHOWN} more" if len(values) > _MOST_SHOWN else ""
    return " or ".join(shown(one) for one in values[:_MOST_SHOWN]) + more
