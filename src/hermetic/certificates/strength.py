"""Which keys and signatures in a chain still bind, and can be checked in bounded time."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hermetic.certificates.refusal import refusal

# P-521 is in public roots, though we make no such keys
_CURVES = {"secp256r1", "secp384r1", "secp521r1"}
_SMALLEST_RSA, _LARGEST_RSA = 2048, 8192
_LARGEST_EXPONENT = 2**32  # with a larger one a verification is as dear as a signature
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def check_key(certificate: x509.Certificate) -> None:
    """Refuse a key that is weak, not for TLS, or too dear to verify with.

    Raises `CertificateRejected`: `weak-key` or `unsupported-key`.
    """
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refusal(
            certificate, "unsupported-key", f"has a key that cannot be read: {error}."
        ) from error
    if isinstance(key, RSAPublicKey):
        _check_rsa(certificate, key)
    elif isinstance(key, EllipticCurvePublicKey):
        _check_ec(certificate, key)
    elif not isinstance(key, Ed25519PublicKey):
        raise refusal(
            certificate,
            "unsupported-key",
            "has a key of a kind that is not for TLS: use RSA of 2048 bits or more, EC P-256 or"
            " P-384, or Ed25519.",
        )


def check_signature_hash(signed: x509.Certificate | x509.CertificateRevocationList) -> None:
    """Refuse a signature over MD5, SHA-1 and other hashes that no longer bind.

    Raises `CertificateRejected` (`weak-signature`).
    """
    try:
        algorithm = signed.signature_hash_algorithm
    except UnsupportedAlgorithm as error:
        oid = signed.signature_algorithm_oid.dotted_string
        raise refusal(
            signed, "weak-signature", f"is signed in a way that is not known here ({oid})."
        ) from error
    if algorithm is not None and not isinstance(algorithm, _HASHES):
        raise refusal(
            signed,
            "weak-signature",
            f"is signed over {algorithm.name}: have it issued again with SHA-256.",
        )


def check_signature_padding(certificate: x509.Certificate) -> None:
    """Refuse a signature that is no whole number of octets.

    No algorithm makes one.  Verifiers leave such bits out of sight, so that one certificate
    would have two fingerprints.  Raises `CertificateRejected` (`bad-signature`).
    """
    # The octet before the signature counts the unused bits of its BIT STRING (X.690, 8.6.2.2).
    if certificate.public_bytes(Encoding.DER)[-len(certificate.signature) - 1]:
        raise refusal(
            certificate,
            "bad-signature",
            "has a signature that ends within an octet: it was changed after it was signed.",
        )


def _check_rsa(certificate: x509.Certificate, key: RSAPublicKey) -> None:
    size = key.key_size
    if size < _SMALLEST_RSA:
        raise refusal(
            certificate,
            "weak-key",
            f"has an RSA key of {size} bits: use at least {_SMALLEST_RSA}.",
        )
    if size > _LARGEST_RSA or size % 8 or key.public_numbers().e > _LARGEST_EXPONENT:
        raise refusal(
            certificate,
            "unsupported-key",
            f"has an RSA key of {size} bits with an exponent of"
            f" {key.public_numbers().e.bit_length()}: use a multiple of 8 bits up to"
            f" {_LARGEST_RSA}, and the exponent 65537.",
        )


def _check_ec(certificate: x509.Certificate, key: EllipticCurvePublicKey) -> None:
    if key.curve.name not in _CURVES:
        code = "weak-key" if key.curve.key_size < 256 else "unsupported-key"
        raise refusal(certificate, code, f"has an EC key on {key.curve.name}: use P-256 or P-384.")
    # cryptography knows a curve by its parameters too, which RFC 5480 (2.1.1) forbids: they
    # are how CVE-2020-0601 forged roots.  Written again, such a key is not what stood there.
    written = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if written not in certificate.tbs_certificate_bytes:
        raise refusal(
            certificate, "unsupported-key", "has an EC key that is not on a curve by its name."
        )
