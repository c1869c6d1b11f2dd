"""Fingerprints: by which digest a person names one certificate, and under how many it may come.

Windows calls it the thumbprint.  SHA-1 names a certificate as well as SHA-256 does, as long as
nobody can choose both of two certificates: the digest picks one out of those an authority has
signed, and vouches for nothing.
"""

import re

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates import der
from hermetic.errors import BadInput

_DIGITS = {40: "SHA-1", 64: "SHA-256"}
# What people and programs write between the octets; the mark (U+200E) is what the certificate
# dialog of Windows puts before a thumbprint, and nobody sees it.
_BETWEEN = re.compile("[:\\s\u200e\u200f]+")
_HEXADECIMAL = re.compile(r"[0-9a-f]+\Z")

# The orders of the groups (SEC 2), by which the two halves of each signature are mirrored.
_ORDERS = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": int("F" * 48 + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16),
    "secp521r1": int(
        "1" + "F" * 65 + "A51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16
    ),
}
_SEQUENCE, _BIT_STRING = 0x30, 0x03


def parse(text: str) -> str:
    """Return a fingerprint as 40 or 64 hexadecimal digits in lower case.

    It may be written with colons or blanks between its octets, in any case.  Raises `BadInput`
    saying what is wrong.
    """
    digits = _BETWEEN.sub("", text).lower()
    if len(digits) not in _DIGITS or not _HEXADECIMAL.match(digits):
        raise BadInput(
            f"{text[:100]!r} is not the fingerprint of a certificate: write the 40 digits of its"
            " SHA-1 or the 64 of its SHA-256, as 'openssl x509 -fingerprint -sha256' prints them."
        )
    return digits


def fingerprints_of(certificate: x509.Certificate) -> frozenset[str]:
    """Return its SHA-1 and its SHA-256, as `parse` writes them."""
    return _digests(certificate.public_bytes(Encoding.DER))


def all_fingerprints_of(
    certificate: x509.Certificate, authority: x509.Certificate
) -> frozenset[str]:
    """Return its fingerprints, and those it can be given without its *authority*.

    Of an ECDSA signature (r, s) anybody can make another, (r, n - s), which is as good: the same
    certificate then has another fingerprint.  Who keeps one out has to know both.
    """
    other = mirrored(certificate, authority)
    return fingerprints_of(certificate) | (_digests(other) if other else frozenset())


def mirrored(certificate: x509.Certificate, authority: x509.Certificate) -> bytes | None:
    """Return the DER of *certificate* with the other signature that it can be given.

    `None` where there is no other: RSA and Ed25519 have one for each key and content.
    """
    key = authority.public_key()
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in _ORDERS:
        return None
    r, s = decode_dss_signature(certificate.signature)
    signature = encode_dss_signature(r, _ORDERS[key.curve.name] - s)
    content = der.first(certificate.public_bytes(Encoding.DER)).content
    signed, algorithm, _ = der.elements(content)
    bits = _element(_BIT_STRING, b"\0" + signature)
    return _element(_SEQUENCE, signed.whole + algorithm.whole + bits)


def _digests(encoded: bytes) -> frozenset[str]:
    found = set()
    for algorithm in (hashes.SHA1(), hashes.SHA256()):  # noqa: S303 - it only names; see above
        digest = hashes.Hash(algorithm)
        digest.update(encoded)
        found.add(digest.finalize().hex())
    return frozenset(found)


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
