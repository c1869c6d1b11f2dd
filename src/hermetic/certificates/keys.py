"""Private keys: which kinds we make and accept, and how they are written down.

Never logs, prints or puts into an error anything of a key but its kind and size.
"""

from enum import StrEnum

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from hermetic.errors import CertificateRejected

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
"""A private key of a kind we accept."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
"""The public half of a `PrivateKey`."""

# NIST SP 800-131A and the CA/B baseline requirements (6.1.5) end what is shorter.
_SMALLEST_RSA = 2048
# A handshake costs the server six times as much with every doubling, and the check of a key of 8192
# bits takes 5 s: EC P-384 is as strong as RSA of 7680 bits.
_LARGEST_RSA = 4096


class KeyKind(StrEnum):
    """The kinds of key we make; EC P-256 is the default everywhere."""

    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    EC_P256 = "ec-p256"
    EC_P384 = "ec-p384"
    ED25519 = "ed25519"


_RSA_SIZES = {KeyKind.RSA_2048: 2048, KeyKind.RSA_3072: 3072, KeyKind.RSA_4096: 4096}
_CURVES = {"secp256r1": KeyKind.EC_P256, "secp384r1": KeyKind.EC_P384}


def generate(kind: KeyKind = KeyKind.EC_P256) -> PrivateKey:
    """Make a new private key from the system's randomness."""
    if kind is KeyKind.ED25519:
        return Ed25519PrivateKey.generate()
    if kind is KeyKind.EC_P256:
        return ec.generate_private_key(ec.SECP256R1())
    if kind is KeyKind.EC_P384:
        return ec.generate_private_key(ec.SECP384R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=_RSA_SIZES[kind])


def kind_of(key: object) -> KeyKind:
    """Return the kind of a private or public *key*.

    An RSA key of a size between two kinds counts as the smaller.  Raises `CertificateRejected`
    with the code `weak-key` or `unsupported-key` if we would not serve with it.
    """
    if isinstance(key, RSAPrivateKey | RSAPublicKey):
        return _rsa_kind(key.key_size)
    if isinstance(key, EllipticCurvePrivateKey | EllipticCurvePublicKey):
        kind = _CURVES.get(key.curve.name)
        if kind is not None:
            return kind
        if key.curve.key_size < 256:
            raise CertificateRejected(
                "weak-key",
                f"An EC key on the curve {key.curve.name} is too weak: use P-256 or P-384.",
            )
        raise CertificateRejected(
            "unsupported-key",
            f"EC keys on the curve {key.curve.name} are not supported: use P-256 or P-384.",
        )
    if isinstance(key, Ed25519PrivateKey | Ed25519PublicKey):
        return KeyKind.ED25519
    raise CertificateRejected(
        "unsupported-key",
        "Keys of this kind are not supported: use RSA of at least 2048 bits, EC P-256, EC P-384"
        " or Ed25519.",
    )


def accept(key: object) -> PrivateKey:
    """Return *key* as one we accept, or raise as `kind_of` does."""
    kind_of(key)
    if isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        return key
    raise CertificateRejected("no-key", "This is a public key: the private key is needed.")


def encode(key: PrivateKey) -> bytes:
    """Return *key* as unencrypted PKCS#8 in PEM; whoever writes it down keeps it to its owner."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def encode_public(key: PublicKey) -> bytes:
    """Return the DER of a public key (SubjectPublicKeyInfo), equal for equal keys."""
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def signature_hash(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | None:
    """Return the hash to sign with: as strong as the curve; none for Ed25519, which has its own."""
    kind = kind_of(key)
    if kind is KeyKind.ED25519:
        return None
    if kind is KeyKind.EC_P384:
        return hashes.SHA384()
    return hashes.SHA256()


def _rsa_kind(size: int) -> KeyKind:
    if size < _SMALLEST_RSA:
        raise CertificateRejected(
            "weak-key",
            f"An RSA key of {size} bits is too weak: use at least {_SMALLEST_RSA} bits, or EC"
            " P-256.",
        )
    if size > _LARGEST_RSA:
        raise CertificateRejected(
            "unsupported-key",
            f"An RSA key of {size} bits is not supported: use at most {_LARGEST_RSA} bits, or EC"
            " P-384.",
        )
    return max(
        (kind for kind, bits in _RSA_SIZES.items() if bits <= size), key=lambda k: _RSA_SIZES[k]
    )
