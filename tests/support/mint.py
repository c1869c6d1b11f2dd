"""Certificates with one thing wrong, for tests of the rules: what is right is made here first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hermetic.certificates.keys import KeyKind
from tests.support.certificates import key_of

NOW = datetime(2026, 6, 1, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | dsa.DSAPrivateKey
Hash = hashes.SHA224 | hashes.SHA256
Extension = tuple[x509.ExtensionType, bool]
RevocationList = x509.CertificateRevocationList


@dataclass(frozen=True)
class Minted:
    """A certificate and the key it is for."""

    certificate: x509.Certificate
    key: Key


@dataclass(frozen=True)
class Change:
    """What to make differently: extensions put in, or in the place of their kind, or left out."""

    put: Sequence[Extension] = ()
    leave_out: Sequence[type[x509.ExtensionType]] = ()
    not_before: datetime = NOW - DAY
    not_after: datetime = NOW + DAY
    serial: int = 0x5EA1ED
    hash: Hash | None = None
    subject: x509.Name | None = None


AS_IT_SHOULD_BE = Change()


def authority(
    name: str = "Root",
    *,
    above: Minted | None = None,
    path_length: int | None = None,
    key: Key | None = None,
    change: Change = AS_IT_SHOULD_BE,
) -> Minted:
    """Return an authority: a root, or one that *above* has issued."""
    key = key or key_of(KeyKind.EC_P256, sum(name.encode()) % 100)
    extensions: list[Extension] = [
        (x509.BasicConstraints(ca=True, path_length=path_length), True),
        (usage(key_cert_sign=True, crl_sign=True), True),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
    ]
    return _mint(subject(name), key, above, extensions, change)


def leaf(
    above: Minted,
    *names: str,
    common_name: str = "",
    key: Key | None = None,
    change: Change = AS_IT_SHOULD_BE,
) -> x509.Certificate:
    """Return a leaf for *names* (node.example.com if none) and for both purposes."""
    key = key or key_of(KeyKind.EC_P256, 100)
    whom = subject(common_name) if change.subject is None else change.subject
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    san = x509.SubjectAlternativeName([general(one) for one in names or ("node.example.com",)])
    extensions: list[Extension] = [
        (usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage(both), False),
        (san, not whom),
    ]
    return _mint(whom, key, above, extensions, change).certificate


def spoilt(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> x509.Certificate:
    """Return *certificate* with one extension that cannot be parsed, and so badly signed."""
    value = certificate.extensions.get_extension_for_class(kind).value.public_bytes()
    return patched(certificate, value, b"\xff" * len(value))


def patched(certificate: x509.Certificate, old: bytes, new: bytes) -> x509.Certificate:
    """Return *certificate* with *new* for *old* in its DER, of the same length."""
    der = certificate.public_bytes(Encoding.DER)
    if old not in der or len(old) != len(new):
        raise AssertionError(f"{old.hex()} cannot be replaced")
    return x509.load_der_x509_certificate(der.replace(old, new))


def subject(common_name: str) -> x509.Name:
    """Return a subject with that common name, or an empty one."""
    oid = x509.NameOID.COMMON_NAME
    return x509.Name([x509.NameAttribute(oid, common_name)] if common_name else [])


def general(name: str) -> x509.GeneralName:
    """Return a name as a subjectAltName holds it, unchecked."""
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def usage(**bits: bool) -> x509.KeyUsage:
    """Return a key usage with those bits, and no others."""
    none = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**(none | bits))


def revocation_list(
    above: Minted,
    *revoked: x509.Certificate,
    put: Sequence[Extension] = ((x509.CRLNumber(1), False),),
    last_update: datetime = NOW - DAY,
    next_update: datetime = NOW + DAY,
    reason: x509.ReasonFlags | None = None,
) -> x509.CertificateRevocationList:
    """Return a list of *above* on which *revoked* stand."""
    builder = x509.CertificateRevocationListBuilder(
        above.certificate.subject, last_update, next_update
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder(one.serial_number, NOW - timedelta(hours=1))
        if reason is not None:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    for value, critical in put:
        builder = builder.add_extension(value, critical)
    return builder.sign(above.key, _hash(above.key))


def _mint(
    whom: x509.Name, key: Key, above: Minted | None, extensions: list[Extension], change: Change
) -> Minted:
    signer = above.key if above is not None else key
    issuer = above.certificate.subject if above is not None else whom
    builder = (
        x509.CertificateBuilder()
        .subject_name(whom)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(change.serial)
        .not_valid_before(change.not_before)
        .not_valid_after(change.not_after)
    )
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    by_kind = {type(value): (value, critical) for value, critical in extensions}
    by_kind[type(identifier)] = (identifier, False)
    by_kind |= {type(value): (value, critical) for value, critical in change.put}
    for kind, (value, critical) in by_kind.items():
        if kind not in change.leave_out:
            builder = builder.add_extension(value, critical)
    return Minted(builder.sign(signer, change.hash or _hash(signer)), key)


def _hash(key: Key) -> Hash | None:
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
