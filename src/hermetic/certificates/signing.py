"""Signing: the certificates our own authority makes, and requests for others to sign.

The profiles follow RFC 5280, the CA/B baseline requirements as far as they can bind a private
authority, and what OpenSSL's strict mode asks (the default of Python 3.13).  Pure but for the
serial numbers and signatures, whose chance is the system's and cannot be handed in.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.x509.oid import NameOID

from hermetic.certificates.chain import Chain, is_authority, without_root
from hermetic.certificates.credential import Credential, fits
from hermetic.certificates.extensions import extension
from hermetic.certificates.keys import PrivateKey, PublicKey, kind_of, signature_hash
from hermetic.certificates.names import PresentedName
from hermetic.certificates.refusal import refusal, told
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected

BACKDATE = timedelta(minutes=5)
"""How far before now a certificate begins, so that a clock that is behind accepts it."""

_ORGANISATION = "Hermetic"
_LONGEST_COMMON_NAME = 64  # ub-common-name, RFC 5280, appendix A.1
_MOST_NAMES = 100  # as Let's Encrypt; with longer lists `reading` would refuse our own


def root(key: PrivateKey, *, name: str, now: datetime, life: timedelta) -> Credential:
    """Make a root: a certificate that vouches for itself and for intermediates, for *life*."""
    subject = _authority_name(name)
    not_before, not_after = _validity(now, life, BACKDATE)
    public_key = _public_half(key)
    builder = _certificate(subject, subject, public_key, not_before, not_after)
    builder = _as_authority(builder, path_length=None)
    return Credential(Chain((_signed(builder, key),)), key)


def cross(issuer: Credential, root: x509.Certificate, *, now: datetime) -> Chain:
    """Let a root vouch for another: a certificate of that one's key and name, without its signature.

    It ends with the first of the two.  Raises `CertificateRejected` as `leaf` does if *issuer*
    cannot sign.
    """
    _check_issuer(issuer, now)
    left = root.not_valid_after_utc - now
    not_before, not_after = _validity(now, left, BACKDATE, issuer)
    above = issuer.chain.leaf
    key = cast(PublicKey, root.public_key())
    builder = _certificate(root.subject, above.subject, key, not_before, not_after)
    return Chain((_signed(_below(_as_authority(builder, path_length=None), above), issuer.key),))


def intermediate(
    issuer: Credential,
    key: PrivateKey,
    *,
    name: str,
    now: datetime,
    life: timedelta,
    constraints: x509.NameConstraints | None = None,
) -> Credential:
    """Make an intermediate that may sign leaves only; its chain leaves the root out.

    With *constraints* it may sign for what they permit alone (RFC 5280, 4.2.1.10).

    Raises `CertificateRejected` as `leaf` does if *issuer* cannot sign.
    """
    _check_issuer(issuer, now)
    if _path_length(issuer.chain.leaf) == 0:
        raise refusal(
            issuer.chain.leaf,
            "path-too-long",
            "may sign leaves only (path length 0): sign the intermediate with its root.",
        )
    not_before, not_after = _validity(now, life, BACKDATE, issuer)
    above = issuer.chain.leaf
    builder = _certificate(
        _authority_name(name), above.subject, _public_half(key), not_before, not_after
    )
    builder = _below(_as_authority(builder, path_length=0), above)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    certificate = _signed(builder, issuer.key)
    return Credential(without_root(Chain((certificate, *issuer.chain.certificates))), key)


def leaf(
    issuer: Credential,
    public_key: PublicKey,
    *,
    names: Sequence[str],
    role: Role,
    now: datetime,
    life: timedelta,
    backdate: timedelta = BACKDATE,
) -> Chain:
    """Sign a leaf for *public_key*; the chain holds it and its intermediates, not the root.

    It is valid until *life* from now, or until the first of its issuers ends; it begins
    *backdate* before now (a twelfth of its life at most), though never before its issuers.  The *names* are DNS names (wildcards
    and Unicode may be) and addresses; the first becomes the common name as well if it fits.

    Raises:
        CertificateRejected: `expired` or `not-yet-valid` of the issuer; `not-an-authority`;
            `no-san` or `bad-name` of the names; `weak-key` or `unsupported-key`.
    """
    _check_issuer(issuer, now)
    kind_of(public_key)
    presented = _presented(names)
    not_before, not_after = _validity(now, life, backdate, issuer)
    above = issuer.chain.leaf
    subject = _leaf_subject(presented[0].text)
    builder = _certificate(subject, above.subject, public_key, not_before, not_after)
    builder = _with_leaf_extensions(builder, presented, role, subject)
    certificate = _signed(_below(builder, above), issuer.key)
    return without_root(Chain((certificate, *issuer.chain.certificates)))


def request(
    key: PrivateKey, *, names: Sequence[str], common_name: str | None = None
) -> x509.CertificateSigningRequest:
    """Make a request (PKCS#10) for a certificate for *names*; no common name unless one is given.

    Raises `CertificateRejected` (`bad-name`, `no-san`) as `leaf` does, also if *common_name* is
    not one of the names: CA/B (7.1.4.3) refuses that.
    """
    presented = _presented(names)
    subject = x509.Name([])
    if common_name is not None:
        wanted = PresentedName.parse(common_name)
        if wanted not in presented:
            raise CertificateRejected(
                "bad-name",
                f"The common name {common_name!r} is not one of the names: add it to them.",
            )
        subject = _leaf_subject(wanted.text)
    alternatives = x509.SubjectAlternativeName([name.general_name for name in presented])
    builder = x509.CertificateSigningRequestBuilder(subject_name=subject)
    builder = builder.add_extension(alternatives, critical=not subject)
    return builder.sign(key, signature_hash(key))


def requested_key(request: x509.CertificateSigningRequest) -> PublicKey:
    """Return the key of *request*, which whoever made the request holds.

    Raises:
        CertificateRejected: `bad-request` if it is not signed by that key; `weak-key` or
            `unsupported-key`.
    """
    key = request.public_key()
    kind_of(key)
    if not request.is_signature_valid:
        raise CertificateRejected(
            "bad-request", "The request is not signed by the key it is for: make it anew."
        )
    return cast(PublicKey, key)


def requested_names(request: x509.CertificateSigningRequest) -> tuple[str, ...]:
    """Return the DNS names and addresses of *request*, in its order; what else it says is nothing.

    Raises:
        CertificateRejected: `no-san` if there are none; `bad-name` if one cannot be certified.
    """
    found = extension(request, x509.SubjectAlternativeName)
    names = [] if found is None else list(found.value)
    for one in names:
        if not isinstance(one, x509.DNSName | x509.IPAddress):
            raise CertificateRejected(
                "bad-name", f"A {type(one).__name__} is neither a DNS name nor an address."
            )
    return tuple(one.text for one in _presented([str(one.value) for one in names]))


def self_signed(key: PrivateKey, *, name: str, now: datetime, life: timedelta) -> Credential:
    """Make a certificate that vouches for nothing but its own key, as token signing needs."""
    subject = _authority_name(name)
    not_before, not_after = _validity(now, life, BACKDATE)
    builder = _certificate(subject, subject, _public_half(key), not_before, not_after)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
    builder = builder.add_extension(_key_usage(sign_data=True), critical=True)
    return Credential(Chain((_signed(builder, key),)), key)


def _public_half(key: PrivateKey) -> PublicKey:
    """Return the public half of *key*, refusing a kind we would not serve with."""
    kind_of(key)
    return key.public_key()


def _check_issuer(issuer: Credential, now: datetime) -> None:
    for certificate in issuer.chain.certificates:
        if now > certificate.not_valid_after_utc:
            raise refusal(
                certificate,
                "expired",
                f"expired on {told(certificate.not_valid_after_utc)} and signs no more: renew it"
                " first.",
            )
        if now < certificate.not_valid_before_utc:
            raise refusal(
                certificate,
                "not-yet-valid",
                f"signs nothing before {told(certificate.not_valid_before_utc)}: check this"
                " machine's clock.",
            )
    above = issuer.chain.leaf
    if not is_authority(above):
        raise refusal(above, "not-an-authority", "is not an authority's: it may not sign others.")
    if not fits(issuer.key, above):
        raise refusal(above, "key-mismatch", "does not fit the key it is to sign with.")


def _path_length(certificate: x509.Certificate) -> int | None:
    constraints = extension(certificate, x509.BasicConstraints)
    return None if constraints is None else constraints.value.path_length


def _validity(
    now: datetime, life: timedelta, backdate: timedelta, issuer: Credential | None = None
) -> tuple[datetime, datetime]:
    """Return the first and last moment, in whole seconds, within those of every issuer."""
    now = now.astimezone(UTC).replace(microsecond=0)  # X.509 knows no fractions
    above = issuer.chain.certificates if issuer is not None else ()
    not_after = min([now + life, *(c.not_valid_after_utc for c in above)])
    # a life of minutes that began five minutes ago would be due for renewal at once
    backdate = min(backdate, (not_after - now) / 12)
    begin = (now - backdate).replace(microsecond=0)
    not_before = max([begin, *(c.not_valid_before_utc for c in above)])
    if not_after <= now:
        raise CertificateRejected(
            "expired", "The certificate would have no life left: ask for a longer one."
        )
    return not_before, not_after


def _presented(names: Sequence[str]) -> tuple[PresentedName, ...]:
    if not names:
        raise CertificateRejected("no-san", "A certificate needs at least one name or address.")
    if len(names) > _MOST_NAMES:
        raise CertificateRejected(
            "too-large",
            f"{len(names)} names are too many for one certificate: at most {_MOST_NAMES}.",
        )
    return tuple(dict.fromkeys(PresentedName.parse(name) for name in names))


def _authority_name(name: str) -> x509.Name:
    attribute = x509.NameAttribute
    try:
        return x509.Name(
            [
                attribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
                attribute(NameOID.COMMON_NAME, name),
            ]
        )
    except ValueError as error:
        raise CertificateRejected(
            "bad-name", f"{name!r} cannot be a common name: use 1 to 64 characters."
        ) from error


def _leaf_subject(text: str) -> x509.Name:
    """Return the subject: the name if it fits, else nothing (the SAN is critical then)."""
    if len(text) > _LONGEST_COMMON_NAME:
        return x509.Name([])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: PublicKey,
    not_before: datetime,
    not_after: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())  # 159 random bits; CA/B (7.1) asks for 64
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _as_authority(
    builder: x509.CertificateBuilder, *, path_length: int | None
) -> x509.CertificateBuilder:
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    )
    return builder.add_extension(_key_usage(sign_certificates=True), critical=True)


def _below(builder: x509.CertificateBuilder, above: x509.Certificate) -> x509.CertificateBuilder:
    """Point at the issuer's key, so that chains are built without trying every key."""
    identifier = extension(above, x509.SubjectKeyIdentifier)
    authority = x509.AuthorityKeyIdentifier(
        key_identifier=(
            x509.SubjectKeyIdentifier.from_public_key(above.public_key()).digest
            if identifier is None
            else identifier.value.digest
        ),
        authority_cert_issuer=None,
        authority_cert_serial_number=None,
    )
    return builder.add_extension(authority, critical=False)


def _with_leaf_extensions(
    builder: x509.CertificateBuilder,
    names: tuple[PresentedName, ...],
    role: Role,
    subject: x509.Name,
) -> x509.CertificateBuilder:
    alternatives = x509.SubjectAlternativeName([name.general_name for name in names])
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign_data=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([role.purpose]), critical=False)
        # RFC 5280, 4.2.1.6: critical exactly if there is no subject
        .add_extension(alternatives, critical=not subject)
    )


def _key_usage(*, sign_data: bool = False, sign_certificates: bool = False) -> x509.KeyUsage:
    """Return the usage; no keyEncipherment: TLS 1.3 has none, and our ciphers for 1.2 neither."""
    return x509.KeyUsage(
        digital_signature=sign_data,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    return builder.sign(key, signature_hash(key))
