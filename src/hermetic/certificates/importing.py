"""What somebody hands over to be kept: judged before anything is, with one reason if it is not.

Pure: what is believed here already comes in as an argument, and so does the time.  The rules
that every peer holds a certificate to refuse it; what only strict ones mind, and what is for a
person to do still, is told beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import AuthorityInformationAccessOID

from hermetic.certificates import roles
from hermetic.certificates.chain import (
    Chain,
    extended,
    is_authority,
    is_self_signed,
    without_root,
)
from hermetic.certificates.credential import Credential, pair
from hermetic.certificates.effort import Effort
from hermetic.certificates.extensions import extension
from hermetic.certificates.names import ServerName
from hermetic.certificates.profile import check_authority, check_name, check_time
from hermetic.certificates.reading import Contents
from hermetic.certificates.refusal import refusal, shown, told
from hermetic.certificates.revocation import Revocations, check_list
from hermetic.certificates.roles import Role
from hermetic.certificates.verification import verify
from hermetic.errors import CertificateRejected

_UNTRUSTED = {"unknown-issuer", "untrusted-root"}
_STALE = {"bad-crl", "crl-expired"}
"""A list that is at hand and of no use says nothing about the certificate."""
_MINDED_BY_STRICT_CLIENTS = {
    "bad-common-name",
    "bad-extension",
    # of the leaf and its issuer these are asked before; further up there may be other ways
    "expired",
    "not-yet-valid",
    # without extended key usages a certificate is for anything, says OpenSSL
    "wrong-purpose",
}
_SELF_SIGNED = (
    "It is self-signed: good to try things out, and no client believes it without being told to."
    " Have one issued by an authority before anybody relies on it."
)
_TRUSTING = "`hermetic certificate trust FILE`"


@dataclass(frozen=True)
class Known:
    """Whom this machine believes, who helps to reach them, and what they have taken back."""

    roots: tuple[x509.Certificate, ...] = ()
    intermediates: tuple[x509.Certificate, ...] = ()
    revocation_lists: tuple[x509.CertificateRevocationList, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What a credential is to be: for which role and which names; for tests, perhaps."""

    role: Role = Role.API
    names: tuple[ServerName, ...] = ()
    for_development: bool = False
    """Whether one that nobody vouches for will do."""


@dataclass(frozen=True)
class Import:
    """What is fit to be kept, and what a person should know.

    `root` is because of whom it is believed here; `None` if nobody is.  `left_out` are
    authorities that came along and have no part in the chain.
    """

    credential: Credential
    root: x509.Certificate | None
    revocation_lists: tuple[x509.CertificateRevocationList, ...] = ()
    left_out: tuple[x509.Certificate, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trust:
    """What is to be believed: roots, what helps to reach them, and what they have taken back."""

    roots: tuple[x509.Certificate, ...] = ()
    intermediates: tuple[x509.Certificate, ...] = ()
    revocation_lists: tuple[x509.CertificateRevocationList, ...] = ()
    warnings: tuple[str, ...] = ()


def judge(contents: Contents, wanted: Wanted, known: Known, *, at: datetime) -> Import:
    """Return the credential that *contents* make up, its chain completed out of what is *known*.

    Raises:
        CertificateRejected: Those of `credential.pair`, `roles.check` and `verification.verify`;
            `expired`; `wrong-name`; `self-signed`; `not-a-credential` if these are authorities
            or lists alone.
    """
    if not contents.keys and not contents.requests and _holds_no_leaf(contents):
        raise CertificateRejected(
            "not-a-credential",
            "There is neither a key nor a certificate that would go with one: authorities and"
            f" revocation lists are taken by {_TRUSTING}.",
        )
    moment = at.astimezone(UTC).replace(microsecond=0)
    pool = (*known.intermediates, *known.roots)
    credential = _paired(contents, pool)
    chain, early = credential.chain, _check_times(credential.chain, moment)
    roles.check(chain, wanted.role)
    for name in wanted.names:
        check_name(chain.leaf, name)
    lists = tuple(
        _checked_list(one, (*contents.certificates, *pool), moment)
        for one in contents.revocation_lists
    )
    all_known = replace(known, revocation_lists=(*known.revocation_lists, *lists))
    root, doubts = _believed(chain, wanted, all_known, contents, max(moment, chain.not_before))
    used = set(extended(chain, contents.certificates).certificates)
    left_out = [one for one in contents.certificates if one not in used and is_authority(one)]
    return Import(credential, root, lists, tuple(left_out), (*early, *doubts))


def judge_signing(contents: Contents) -> Credential:
    """Return the credential that *contents* make up, for web nodes to sign tokens with.

    It is the key that counts: no peer is shown its certificate, so who issued that, for what and
    until when is nothing to it.

    Raises:
        CertificateRejected: Those of `credential.pair`; `unsupported-key` if the key is not RSA.
    """
    credential = pair(contents)
    if not isinstance(credential.key, RSAPrivateKey):
        raise refusal(
            credential.chain.leaf,
            "unsupported-key",
            "has no RSA key, and tokens are signed with RS512: make one with `hermetic certificate"
            " issue --role signing`.",
        )
    return credential


def judge_trust(contents: Contents, known: Known, *, at: datetime) -> Trust:
    """Return what of *contents* is to be believed, and as what.

    Raises:
        CertificateRejected: `private-key`, `not-an-authority`, `no-certificate`, `expired`,
            `not-yet-valid`, `unknown-issuer` for a list of an authority that is not known, and
            those of `profile.check_authority` and `revocation.check_list`.
    """
    if contents.keys:
        raise CertificateRejected(
            "private-key",
            "It holds a private key, and whom to believe is told without one: give the"
            " certificate of the authority alone, and keep its key where it signs.",
        )
    moment = at.astimezone(UTC).replace(microsecond=0)
    roots: list[x509.Certificate] = []
    intermediates: list[x509.Certificate] = []
    for one in contents.certificates:
        is_root = is_self_signed(one)
        _check_authority(one, moment, is_root=is_root)
        (roots if is_root else intermediates).append(one)
    authorities = (*contents.certificates, *known.roots, *known.intermediates)
    lists = [_checked_list(one, authorities, moment) for one in contents.revocation_lists]
    if not (contents.certificates or lists):
        raise CertificateRejected(
            "no-certificate", "There is no authority's certificate in it, and no revocation list."
        )
    believed = {*known.roots, *roots}
    pool = (*believed, *intermediates, *known.intermediates)
    warnings = [
        f"{shown(one.subject)} helps nobody yet, since no root above it is trusted:"
        f" trust that of {shown(top.issuer)}, too."
        for one in intermediates
        if (top := extended(Chain((one,)), pool).certificates[-1]) not in believed
    ]
    return Trust(tuple(roots), tuple(intermediates), tuple(lists), tuple(warnings))


def _holds_no_leaf(contents: Contents) -> bool:
    return all(is_authority(one) for one in contents.certificates)


def _paired(contents: Contents, pool: Sequence[x509.Certificate]) -> Credential:
    """Return the pair with its chain as it was given, and continued out of *pool*."""
    try:
        credential = pair(contents)
    except CertificateRejected as error:
        if error.code != "incomplete-chain":
            raise
        credential = pair(contents, pool)
    chain = without_root(extended(credential.chain, pool))
    return Credential(chain, credential.key)


def _check_times(chain: Chain, at: datetime) -> tuple[str, ...]:
    """Refuse what has expired, also its issuer; return a sentence about a leaf that is early."""
    for issuer in chain.issuers[:1]:
        check_time(issuer, at)
    if at >= chain.not_before:
        check_time(chain.leaf, at)
        return ()
    early = f"It is not valid before {told(chain.not_before)}, and it is {told(at)}"
    return (f"{early}: it is kept, and presented from then on.",)


def _believed(
    chain: Chain, wanted: Wanted, known: Known, contents: Contents, at: datetime
) -> tuple[x509.Certificate | None, tuple[str, ...]]:
    """Return by which root *chain* is believed, or why by none."""
    if is_self_signed(chain.leaf):
        if not wanted.for_development:
            raise refusal(
                chain.leaf,
                "self-signed",
                "is self-signed, and nobody believes it: have it issued by an authority, or"
                " say --development to try things out.",
            )
        return None, (_SELF_SIGNED,)
    revocations = Revocations(known.revocation_lists)
    helping = (*chain.certificates, *known.intermediates)
    try:
        return _verified(helping, known.roots, wanted.role, revocations, at), ()
    except CertificateRejected as error:
        if error.code in _STALE:
            root = _verified(helping, known.roots, wanted.role, Revocations(), at)
            return root, (f"Whether it was revoked is not known. {error.text}",)
        if error.code in _UNTRUSTED:
            return None, (_whom_to_trust(chain, contents),)
        if error.code in _MINDED_BY_STRICT_CLIENTS and wanted.role is Role.API:
            return None, (f"Strict clients will refuse it. {error.text}",)
        raise


def _verified(
    certificates: Sequence[x509.Certificate],
    roots: Iterable[x509.Certificate],
    role: Role,
    revocations: Revocations,
    at: datetime,
) -> x509.Certificate:
    path = verify(certificates, roots=roots, at=at, purpose=role, revocations=revocations)
    return path.certificates[-1]


def _whom_to_trust(chain: Chain, contents: Contents) -> str:
    top = extended(chain, contents.certificates).certificates[-1]
    if is_self_signed(top):
        return (
            f"The authority above it, {shown(top.subject)}, came along and is not trusted by that:"
            f" get its certificate from whoever runs it, compare, and {_TRUSTING}."
        )
    where = _issuer_urls(top)
    return (
        f"The certificate of {shown(top.issuer)}, which issued {shown(top.subject)}, is not at"
        f" hand{f' (it may be had from {where[0]})' if where else ''}: if that is a root, trust it"
        f" with {_TRUSTING}; if it is an intermediate, import it together with this, since"
        " clients will miss it."
    )


def _issuer_urls(certificate: x509.Certificate) -> list[str]:
    found = extension(certificate, x509.AuthorityInformationAccess)
    return [
        one.access_location.value
        for one in (found.value if found is not None else ())
        if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS
        and isinstance(one.access_location, x509.UniformResourceIdentifier)
    ]


def _check_authority(certificate: x509.Certificate, at: datetime, *, is_root: bool) -> None:
    if not is_authority(certificate):
        raise refusal(
            certificate,
            "not-an-authority",
            "is no authority's (CA:TRUE), and so vouches for nobody: trust the authority that"
            " issued it; a certificate with its key is for `hermetic certificate import`.",
        )
    check_authority(certificate, None, is_root=is_root)
    check_time(certificate, at)


def _checked_list(
    found: x509.CertificateRevocationList,
    authorities: Iterable[x509.Certificate],
    at: datetime,
) -> x509.CertificateRevocationList:
    """Return the list, which one of *authorities* has signed and which is current."""
    unusable = refusal(
        found,
        "unknown-issuer",
        f"is of an authority that is not known here: trust that first, {_TRUSTING}.",
    )
    effort = Effort()
    for authority in dict.fromkeys(authorities):
        if authority.subject == found.issuer:
            try:
                check_list(found, authority, at, effort)
            except CertificateRejected as error:
                unusable = error
                continue
            return found
    raise unusable
