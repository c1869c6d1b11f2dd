"""The outermost shape of DER: what kind of thing it is, whether it is whole, what it will cost.

A parser tells only that it failed.  This module looks at tags and lengths alone, so that the
person who sent a file learns what it is and what is wrong with it; and it finds the iteration
counts of encrypted keys before anyone spends minutes on them.  It never decodes values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice, takewhile
from math import prod

from hermetic.errors import CertificateRejected

_INTEGER, _BIT_STRING, _OCTET_STRING, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30
_SET, _CONTEXT_0 = 0x31, 0xA0
_TIMES = {0x17, 0x18}
_HOLDERS = {_SEQUENCE, _SET, _CONTEXT_0}
_INDEFINITE = 0x80

_PKCS7 = bytes.fromhex("2a864886f70d0107")  # 1.2.840.113549.1.7
_PKCS7_DATA = _PKCS7 + b"\x01"

# OpenSSL writes 2 048, OWASP asks for 600 000, a PKCS#12 file has three of them; two million
# take about 0.3 s.
_MOST_ROUNDS = 2_000_000
# Measured: a block of scrypt (N times r times p of them) takes as long as 3 rounds of PBKDF2. With
# this it also stays below the 32 MiB at which OpenSSL stops.
_ROUNDS_OF_SCRYPT_BLOCK = 8
_LARGEST_KEY = 3_000  # an encrypted RSA key of 4096 bits has 2 500
_DEEPEST = 16


class Shape(Enum):
    """What a piece of DER is, as far as its tags tell."""

    CERTIFICATE = "a certificate"
    REQUEST = "a certificate request"
    REVOCATION_LIST = "a revocation list"
    KEY = "a private key"
    ENCRYPTED_KEY = "an encrypted private key"
    PUBLIC_KEY = "a public key"
    PKCS7 = "a PKCS#7 file"
    PKCS12 = "a PKCS#12 file"
    OTHER = "something else"


@dataclass(frozen=True)
class Element:
    """One tag with its content; `whole` is both, with the length between."""

    tag: int
    content: bytes
    whole: bytes


def is_der(data: bytes) -> bool:
    """Whether *data* begins with a sequence, as everything does that we read."""
    if len(data) < 2 or data[0] != _SEQUENCE:
        return False
    length = data[1]
    return length != 0xFF and (length < 0x80 or length - 0x80 <= 4)


def first(data: bytes, at: int = 0) -> Element:
    """Return the element of *data* that begins at the offset *at*.

    Raises `CertificateRejected`: `truncated` if it ends too early, `malformed` if it is no DER,
    `unsupported-encoding` if it is BER with a length that is not told beforehand.
    """
    if len(data) < at + 2:
        raise CertificateRejected("truncated", "The data ends too early: copy the file again.")
    start, length = at + 2, data[at + 1]
    if length == _INDEFINITE:
        raise CertificateRejected(
            "unsupported-encoding",
            "This is BER, not DER: convert it with 'openssl pkcs12 -in FILE -nodes -out FILE.pem'"
            " (PKCS#12) or 'openssl pkcs7 -in FILE -inform DER -print_certs -out FILE.pem'"
            " (PKCS#7) and import that.",
        )
    if length > _INDEFINITE:
        start += length - _INDEFINITE
        if length > _INDEFINITE + 4:
            raise CertificateRejected("malformed", "This is not DER: a length makes no sense.")
        length = int.from_bytes(data[at + 2 : start], "big")
    end = start + length
    if end > len(data):
        raise CertificateRejected(
            "truncated",
            f"The data ends too early: {end} bytes were announced and {len(data)} are there."
            " Copy the file again.",
        )
    return Element(data[at], data[start:end], data[at:end])


def elements(data: bytes) -> Iterator[Element]:
    """Yield the elements that stand one after the other in *data*, or raise as `first` does."""
    at = 0
    while at < len(data):
        element = first(data, at)
        yield element
        at += len(element.whole)


def shape_of(data: bytes) -> Shape:
    """Return what *data*, one whole element, is; raises as `first` does."""
    parts = list(islice(elements(first(data).content), 3))
    tags = [part.tag for part in parts]
    if tags[:2] == [_INTEGER, _SEQUENCE]:
        return Shape.PKCS12 if parts[0].content == b"\x03" else Shape.KEY
    if tags[:2] in ([_INTEGER, _INTEGER], [_INTEGER, _OCTET_STRING]):
        return Shape.KEY
    if tags[:1] == [_OID] and parts[0].content.startswith(_PKCS7):
        return Shape.PKCS7
    if tags == [_SEQUENCE, _SEQUENCE, _BIT_STRING]:
        return _signed_shape(parts[0])
    if tags[:2] == [_SEQUENCE, _OCTET_STRING]:
        return Shape.ENCRYPTED_KEY
    if tags[:2] == [_SEQUENCE, _BIT_STRING]:
        return Shape.PUBLIC_KEY
    return Shape.OTHER


def check_cost(data: bytes) -> None:
    """Raise `CertificateRejected` (`too-costly`) if opening *data* with a passphrase takes long.

    In every encryption of PKCS#5 and PKCS#12, and in the MAC of PKCS#12, the count follows
    directly after the salt: an integer after an octet string.
    """
    rounds = _rounds(data, 0)
    if rounds > _MOST_ROUNDS:
        raise CertificateRejected(
            "too-costly",
            f"Its encryption asks for {rounds} rounds, more than any tool writes: convert it with"
            " 'openssl pkey' (a key) or 'openssl pkcs12' (PKCS#12) and import that.",
        )


def check_key_size(data: bytes) -> None:
    """Raise `CertificateRejected` (`too-large`) if *data* is larger than any key we accept.

    A parser proves the primes of RSA: 5 s for 8192 bits, and far more for more.
    """
    if len(data) > _LARGEST_KEY:
        raise CertificateRejected(
            "too-large",
            f"A private key of {len(data)} bytes is too large: RSA keys have at most 4096 bits.",
        )


def _signed_shape(signed: Element) -> Shape:
    """Tell a request by the attributes after its key, a list by the time after its issuer."""
    parts = list(islice(elements(signed.content), 4))
    tags = [part.tag for part in parts]
    if tags == [_INTEGER, _SEQUENCE, _SEQUENCE, _CONTEXT_0] and parts[0].content == b"\x00":
        return Shape.REQUEST
    # in a certificate both times stand in a sequence of their own
    if _TIMES & set(tags[2:]):
        return Shape.REVOCATION_LIST
    return Shape.CERTIFICATE


def _rounds(content: bytes, depth: int) -> int:
    """Return how often a hash is computed to open everything in *content*."""
    if depth > _DEEPEST:
        raise CertificateRejected("malformed", "The data is nested too deeply.")
    parts = list(elements(content))
    _check_key_size(parts)
    total = sum(_rounds(part.content, depth + 1) for part in parts if part.tag in _HOLDERS)
    if len(parts) == 2 and parts[0].tag == _OID and parts[0].content == _PKCS7_DATA:
        # the safes of PKCS#12 stand inside an octet string
        total += _rounds(first(parts[1].content).content, depth + 1)
    for at, part in enumerate(parts):
        if part.tag == _OCTET_STRING:
            after = takewhile(lambda other: other.tag == _INTEGER, parts[at + 1 : at + 4])
            total += _rounds_of([int.from_bytes(one.content[:9], "big") for one in after])
    return total


def _check_key_size(parts: list[Element]) -> None:
    tags = [part.tag for part in parts[:3]]
    if tags in ([_SEQUENCE, _OCTET_STRING], [_INTEGER, _SEQUENCE, _OCTET_STRING]):
        check_key_size(parts[len(tags) - 1].content)


def _rounds_of(counts: list[int]) -> int:
    """Return what follows a salt as rounds: a count and perhaps a length; N, r and p of scrypt."""
    if len(counts) == 3:
        return prod(counts) * _ROUNDS_OF_SCRYPT_BLOCK
    return counts[0] if counts else 0
