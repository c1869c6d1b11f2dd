"""Pairs that must never be served, each with the code it is refused with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hermetic.certificates.keys import KeyKind, encode
from hermetic.certificates.roles import Role
from tests.support.certificates import DAY, Hierarchy, key_of
from tests.support.volumes import Pair, pair_of


@dataclass(frozen=True)
class BadPair:
    """One kind of pair that cannot be served."""

    name: str
    code: str
    make: Callable[[Hierarchy], Pair]

    def __str__(self) -> str:
        return self.name


def _with(**changes: Callable[[bytes], bytes]) -> Callable[[Hierarchy], Pair]:
    """Return what makes a good pair with the certificate (`crt`) or the key (`key`) changed."""

    def make(authority: Hierarchy) -> Pair:
        files = pair_of(authority.issue())
        return files | {
            f"tls.{end}": change(files[f"tls.{end}"]) for end, change in changes.items()
        }

    return make


def _without(name: str) -> Callable[[Hierarchy], Pair]:
    def make(authority: Hierarchy) -> Pair:
        return {key: data for key, data in pair_of(authority.issue()).items() if key != name}

    return make


def _encrypted(_key: bytes) -> bytes:
    return key_of(KeyKind.EC_P256).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )


def _weak(authority: Hierarchy) -> Pair:
    """Return a pair with a key that our own signing would refuse."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    issuer = authority.intermediate
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.chain.leaf.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(authority.now - timedelta(hours=1))
        .not_valid_after(authority.now + DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(issuer.key, hashes.SHA256())
    )
    return {"tls.crt": leaf.public_bytes(serialization.Encoding.PEM), "tls.key": encode(key)}


BAD_PAIRS = (
    BadPair("mismatched", "key-mismatch", _with(key=lambda _: encode(key_of(KeyKind.EC_P256)))),
    BadPair("certificate empty", "empty", _with(crt=lambda _: b"")),
    BadPair("key empty", "empty", _with(key=lambda _: b"")),
    BadPair("certificate truncated", "truncated", _with(crt=lambda pem: pem[:300])),
    BadPair("key truncated", "truncated", _with(key=lambda pem: pem[:100])),
    BadPair("certificate garbage", "not-a-certificate", _with(crt=lambda _: b"\x00\x01nonsense")),
    BadPair("key garbage", "not-a-certificate", _with(key=lambda _: b"nonsense\n")),
    BadPair("key encrypted", "encrypted-key", _with(key=_encrypted)),
    BadPair("key not there", "missing-file", _without("tls.key")),
    BadPair("certificate not there", "missing-file", _without("tls.crt")),
    BadPair("expired", "expired", lambda a: pair_of(a.issue(now=a.now - 2 * DAY))),
    BadPair("not yet valid", "not-yet-valid", lambda a: pair_of(a.issue(now=a.now + 2 * DAY))),
    BadPair("wrong name", "wrong-name", lambda a: pair_of(a.issue("elsewhere.test"))),
    BadPair("wrong purpose", "wrong-purpose", lambda a: pair_of(a.issue(role=Role.AUTHENTICATION))),
    BadPair("an authority", "wrong-purpose", lambda a: pair_of(a.intermediate)),
    BadPair("weak key", "weak-key", _weak),
)
