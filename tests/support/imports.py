"""Files as people hand them over: the formats in which certificates and keys travel."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs7,
    pkcs12,
)

from hermetic.certificates import signing
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, PrivateKey
from hermetic.certificates.roles import Role
from hermetic.errors import CertificateRejected
from tests.support.certificates import DAY, Hierarchy, hierarchy, key_of

PASSPHRASE = b"correct horse"
OLD = "old"
NEW = "new"


def code_of(act: Callable[[], object]) -> str | None:
    """Return the code *act* is refused with, or `None` if it is not."""
    try:
        act()
    except CertificateRejected as refused:
        return refused.code
    return None


Signed = x509.Certificate | x509.CertificateSigningRequest | x509.CertificateRevocationList


def pem(*things: Signed | PrivateKey) -> bytes:
    """Return *things* in PEM, one after the other; keys as PKCS#8."""
    return b"".join(
        thing.public_bytes(Encoding.PEM) if isinstance(thing, Signed) else key_in(thing)
        for thing in things
    )


def der(thing: Signed) -> bytes:
    return thing.public_bytes(Encoding.DER)


def key_in(
    key: PrivateKey,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encoding: Encoding = Encoding.PEM,
    passphrase: bytes | None = None,
) -> bytes:
    encryption: KeySerializationEncryption = NoEncryption()
    if passphrase is not None:
        encryption = BestAvailableEncryption(passphrase)
    return key.private_bytes(encoding, form, encryption)


def p7(certificates: Sequence[x509.Certificate], encoding: Encoding = Encoding.DER) -> bytes:
    return pkcs7.serialize_certificates(list(certificates), encoding)


def p12(
    credential: Credential,
    more: Iterable[x509.Certificate] = (),
    *,
    encryption: str | None = NEW,
    passphrase: bytes = PASSPHRASE,
) -> bytes:
    """Return a PKCS#12 file: 3DES and SHA-1 if *encryption* is old, none if it is `None`."""
    return pkcs12.serialize_key_and_certificates(
        b"api",
        credential.key,
        credential.chain.leaf,
        [*credential.chain.issuers, *more],
        _encryption(encryption, passphrase),
    )


def _encryption(name: str | None, passphrase: bytes) -> KeySerializationEncryption:
    if name is None:
        return NoEncryption()
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(2048)
    if name == OLD:
        builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
        return builder.hmac_hash(hashes.SHA1()).build(passphrase)
    builder = builder.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
    return builder.hmac_hash(hashes.SHA256()).build(passphrase)


def resigned(
    certificate: x509.Certificate, issuer: Credential, *, padding: int = 0
) -> x509.Certificate:
    """Return *certificate* again, issued by another: a cross-sign, *padding* bytes larger."""
    builder = x509.CertificateBuilder(
        issuer_name=issuer.chain.leaf.subject,
        subject_name=certificate.subject,
        public_key=certificate.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=certificate.not_valid_before_utc,
        not_valid_after=certificate.not_valid_after_utc,
    )
    for extension in certificate.extensions:
        if not isinstance(extension.value, x509.AuthorityKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    if padding:
        ballast = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.0"), bytes(padding))
        builder = builder.add_extension(ballast, critical=False)
    return builder.sign(issuer.key, hashes.SHA256())


@dataclass(frozen=True)
class Material:
    """What the files are made of: two authorities that know nothing of each other, and leaves."""

    ours: Hierarchy
    other: Hierarchy
    leaf: Credential
    neighbour: Credential

    @property
    def root(self) -> x509.Certificate:
        return self.ours.root_certificate

    @property
    def intermediate(self) -> x509.Certificate:
        return self.ours.intermediate.chain.leaf

    @property
    def certificate(self) -> x509.Certificate:
        return self.leaf.chain.leaf

    @property
    def key(self) -> PrivateKey:
        return self.leaf.key

    @property
    def cross_signed(self) -> x509.Certificate:
        """Our root, vouched for by the other."""
        return resigned(self.root, self.other.root)

    @property
    def renewed(self) -> x509.Certificate:
        """A newer certificate for the key of the leaf."""
        return self.ours.issue("api.example", key=self.key, life=2 * DAY).chain.leaf


@cache
def material() -> Material:
    ours, other = hierarchy(name="Ours"), hierarchy(name="Other")
    return Material(ours, other, ours.issue("api.example"), ours.issue("neighbour.example"))


@cache
def leaf_of(kind: KeyKind) -> Credential:
    """Return a leaf of our authority with a key of *kind*."""
    return material().ours.issue("api.example", key=key_of(kind), role=Role.API)


@cache
def lonely() -> Credential:
    """Return a self-signed certificate."""
    return signing.self_signed(
        key_of(KeyKind.EC_P256), name="lonely", now=material().ours.now, life=DAY
    )


def pkcs1(key: PrivateKey) -> bytes:
    return key_in(key, PrivateFormat.TraditionalOpenSSL)


def public_pem(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
