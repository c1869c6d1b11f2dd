"""What people hand over to be imported: each file, or several, ends in a chain or in one code."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from tests.support.certificates import DAY
from tests.support.imports import (
    NEW,
    OLD,
    PASSPHRASE,
    Material,
    der,
    key_in,
    lonely,
    material,
    p7,
    p12,
    pem,
    resigned,
)
from tests.support.mint import Minted, revocation_list

FULL = ["leaf", "intermediate"]
"""What is served: the root is left to the clients."""

_TRADITIONAL = PrivateFormat.TraditionalOpenSSL

_AS_PEM = Encoding.PEM
_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
_EMPTY_KEY = b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"

Make = Callable[[Material], bytes]
Outcome = list[str] | str
"""The chain, leaf first, or the code of a refusal."""

FILES: list[tuple[str, Make, bytes | None, Outcome]] = [
    # PEM: order, root, repeats, what stands around
    ("pem key first", lambda m: pem(m.key, m.certificate, m.intermediate), None, FULL),
    ("pem key last", lambda m: pem(m.certificate, m.intermediate, m.key), None, FULL),
    ("pem key between", lambda m: pem(m.certificate, m.key, m.intermediate), None, FULL),
    ("pem issuer first", lambda m: pem(m.intermediate, m.certificate, m.key), None, FULL),
    ("pem root included", lambda m: pem(m.certificate, m.intermediate, m.root, m.key), None, FULL),
    ("pem root first", lambda m: pem(m.root, m.intermediate, m.certificate, m.key), None, FULL),
    ("pem all twice", lambda m: pem(m.key, m.certificate, m.intermediate) * 2, None, FULL),
    ("pem leaf twice", lambda m: pem(m.key, m.certificate, m.certificate), None, ["leaf"]),
    ("pem leaf alone", lambda m: pem(m.key, m.certificate), None, ["leaf"]),
    ("pem CRLF", lambda m: _pem(m).replace(b"\n", b"\r\n"), None, FULL),
    ("pem BOM", lambda m: b"\xef\xbb\xbf" + _pem(m), None, FULL),
    ("pem UTF-16", lambda m: _pem(m).decode().encode("utf-16"), None, FULL),
    ("pem text around", lambda m: b"subject=CN=x\n" + _pem(m) + b"bye", None, FULL),
    ("pem with request", lambda m: _pem(m) + pem(requested(m)), None, FULL),
    ("pem indented", lambda m: _pem(m).replace(b"\n", b"\n    "), None, FULL),
    ("pem zeros behind", lambda m: _pem(m) + bytes(99), None, FULL),
    ("pem blank lines", lambda m: _pem(m).replace(b"\n", b"\n\n"), None, FULL),
    ("pem parameters", lambda m: _PARAMETERS + _pem(m), None, FULL),
    # PEM: forms of the key
    ("sec1", lambda m: pem(m.certificate) + key_in(m.key, _TRADITIONAL), None, ["leaf"]),
    ("pkcs8 encrypted", lambda m: pem(m.certificate) + _encrypted(m), PASSPHRASE, ["leaf"]),
    ("sec1 encrypted", lambda m: pem(m.certificate) + _old_encrypted(m), PASSPHRASE, ["leaf"]),
    ("openssh", lambda m: pem(m.certificate) + _openssh(m), None, "unsupported-key"),
    ("no passphrase", lambda m: pem(m.certificate) + _encrypted(m), None, "encrypted-key"),
    ("wrong passphrase", lambda m: _pem(m) + _encrypted(m), b"wrong", "wrong-passphrase"),
    # PKCS#7 and PKCS#12
    ("p7 and key", lambda m: p7([m.root, m.intermediate, m.certificate], _AS_PEM) + pem(m.key), None, FULL),
    ("p7 without key", lambda m: p7([m.certificate, m.intermediate]), None, "no-key"),
    ("p12 new", lambda m: p12(m.leaf), PASSPHRASE, FULL),
    ("p12 old", lambda m: p12(m.leaf, encryption=OLD), PASSPHRASE, FULL),
    ("p12 open", lambda m: p12(m.leaf, encryption=None), None, FULL),
    ("p12 with root", lambda m: p12(m.leaf, [m.root], encryption=NEW), PASSPHRASE, FULL),
    ("p12 repeats", lambda m: p12(m.leaf, [m.intermediate, m.certificate]), PASSPHRASE, FULL),
    ("p12 no passphrase", lambda m: p12(m.leaf), None, "encrypted-key"),
    ("p12 old, wrong passphrase", lambda m: p12(m.leaf, encryption=OLD), b"x", "wrong-passphrase"),
    ("p12 with another leaf", lambda m: p12(m.leaf, [_neighbour(m)]), PASSPHRASE, "stray-certificate"),
    ("p12 line end behind", lambda m: p12(m.leaf) + b"\r\n", PASSPHRASE, FULL),
    ("p12 cross-signed", lambda m: p12(m.leaf, [m.cross_signed, m.root]), PASSPHRASE, FULL),
    ("p12 cut off", lambda m: p12(m.leaf)[:-1], PASSPHRASE, "truncated"),
    # which certificate, which key
    ("renewed for the same key", lambda m: pem(m.key, m.certificate, m.renewed), None, ["renewed"]),
    ("self-made beside issued", lambda m: pem(m.key, _self_made(m), m.certificate), None, ["leaf"]),
    ("a key left over", lambda m: _pem(m) + pem(generate()), None, FULL),
    ("the key twice in two forms", lambda m: _pem(m) + key_in(m.key, _TRADITIONAL), None, FULL),
    ("cross-signed root", lambda m: _pem(m) + pem(m.root, m.cross_signed), None, FULL),
    ("up to the other root", lambda m: _pem(m) + pem(m.cross_signed, _other(m)), None, [*FULL, "cross-signed"]),
    ("surplus authority", lambda m: _pem(m) + pem(m.root, _other(m)), None, FULL),
    ("an authority", lambda m: pem(m.ours.intermediate.key, m.intermediate, m.root), None, ["intermediate"]),
    # mismatches
    ("another key", lambda m: pem(m.neighbour.key, m.certificate), None, "key-mismatch"),
    ("no key of theirs", lambda m: pem(generate(), *m.leaf.chain.certificates), None, "key-mismatch"),
    ("key of the issuer", lambda m: pem(m.ours.intermediate.key, *m.leaf.chain.certificates), None, "key-mismatch"),
    ("two pairs", lambda m: _pem(m) + pem(m.neighbour.key, _neighbour(m)), None, "several-keys"),
    ("another leaf", lambda m: _pem(m) + pem(_neighbour(m)), None, "stray-certificate"),
    ("no intermediate", lambda m: pem(m.key, m.certificate, m.root), None, "incomplete-chain"),
    ("wrong intermediate", lambda m: pem(m.key, m.certificate, _other(m)), None, "incomplete-chain"),
    ("key alone", lambda m: pem(m.key), None, "no-certificate"),
    ("key and request", lambda m: pem(m.key, requested(m)), None, "no-certificate"),
    ("certificates alone", lambda m: pem(m.certificate, m.intermediate), None, "no-key"),
    ("weak key", lambda m: pem(m.certificate) + _weak(m), None, "weak-key"),
    # damage
    ("certificate cut off", lambda m: pem(m.key, m.certificate)[:-30], None, "truncated"),
    ("not base64", lambda m: _pem(m).replace(b"MI", b"M!"), None, "malformed"),
    ("empty key", lambda m: pem(m.certificate) + _EMPTY_KEY, None, "truncated"),
    ("zeroed", lambda m: bytes(len(_pem(m))), None, "empty"),
]  # fmt: skip


def _pem(m: Material) -> bytes:
    return pem(m.key, *m.leaf.chain.certificates)


def _encrypted(m: Material) -> bytes:
    return key_in(m.key, passphrase=PASSPHRASE)


def _old_encrypted(m: Material) -> bytes:
    return key_in(m.key, _TRADITIONAL, passphrase=PASSPHRASE)


def _openssh(m: Material) -> bytes:
    return key_in(m.key, PrivateFormat.OpenSSH)


def _weak(_: Material) -> bytes:
    return key_in(rsa.generate_private_key(65537, 1024))


def requested(m: Material) -> x509.CertificateSigningRequest:
    return signing.request(m.key, names=["api.example"])


def _neighbour(m: Material) -> x509.Certificate:
    return m.neighbour.chain.leaf


def _other(m: Material) -> x509.Certificate:
    return m.other.root_certificate


def _self_made(m: Material) -> x509.Certificate:
    """What a tool wrote for the key while it waited for the real one."""
    return resigned(m.certificate, Credential(Chain((m.certificate,)), m.key))


def label(certificate: x509.Certificate) -> str:
    m = material()
    if certificate.subject == m.root.subject and certificate.issuer != m.root.subject:
        return "cross-signed"
    known = {m.certificate: "leaf", m.intermediate: "intermediate", m.root: "root"}
    return known.get(certificate, "renewed")


def _pem_alone(m: Material) -> list[bytes]:
    return [_pem(m)]


def _alone(m: Material) -> bytes:
    return p12(Credential(Chain((m.certificate,)), m.key))


def _wide(m: Material) -> bytes:
    return pem(*m.leaf.chain.certificates).decode().encode("utf-16")


def _der_key(m: Material, passphrase: bytes | None = None) -> bytes:
    return key_in(m.key, encoding=Encoding.DER, passphrase=passphrase)


def _issued(m: Material, days: int, role: Role = Role.API) -> list[bytes]:
    found = m.ours.issue("api.example", role=role, now=m.ours.now + days * DAY)
    return [found.key_pem, found.chain_pem]


def _of_another_authority(m: Material) -> list[bytes]:
    found = m.other.issue("api.example")
    return [found.key_pem, found.chain_pem]


def _listed(
    m: Material, *revoked: x509.Certificate, days: int = 1
) -> x509.CertificateRevocationList:
    """Return a list of our intermediate that ends in *days*."""
    issuer = m.ours.intermediate
    return _signed_list(m, Minted(issuer.chain.leaf, issuer.key), revoked, days)


def _stranger(m: Material) -> x509.CertificateRevocationList:
    return _signed_list(m, Minted(m.other.root_certificate, m.other.root.key), (), 1)


def _signed_list(
    m: Material, signer: Minted, revoked: tuple[x509.Certificate, ...], days: int
) -> x509.CertificateRevocationList:
    now = m.ours.now
    return revocation_list(
        signer, *revoked, last_update=now - 2 * DAY, next_update=now + days * DAY
    )


@dataclass(frozen=True)
class Handed:
    """Several files, what is asked of them, and how that ends where our root is trusted."""

    name: str
    files: Callable[[Material], list[bytes]]
    expected: Outcome
    passphrase: bytes | None = None
    asked: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


HANDED = [
    # one thing split over several files, in the formats in which they come
    Handed("two PEM", lambda m: [pem(*m.leaf.chain.certificates), pem(m.key)], FULL),
    Handed("key first", lambda m: [pem(m.key), pem(*m.leaf.chain.certificates)], FULL),
    Handed("one each", lambda m: [pem(m.root), pem(m.key), pem(m.intermediate), pem(m.certificate)], FULL),
    Handed("all DER", lambda m: [der(m.certificate), der(m.intermediate), _der_key(m)], FULL),
    Handed("DER, key encrypted", lambda m: [der(m.certificate), _der_key(m, PASSPHRASE)], ["leaf"], PASSPHRASE),
    Handed("p7b and key", lambda m: [p7([m.root, m.certificate, m.intermediate]), pem(m.key)], FULL),
    Handed("p7b, certificate and key", lambda m: [p7([m.intermediate]), der(m.certificate), pem(m.key)], FULL),
    Handed("pfx and its chain", lambda m: [_alone(m), p7([m.intermediate, m.root])], FULL, PASSPHRASE),
    Handed("pfx twice", lambda m: [p12(m.leaf), p12(m.leaf, encryption=OLD)], FULL, PASSPHRASE),
    Handed("pfx and the same in PEM", lambda m: [p12(m.leaf), _pem(m)], FULL, PASSPHRASE),
    Handed("UTF-16 beside CRLF", lambda m: [_wide(m), pem(m.key).replace(b"\n", b"\r\n")], FULL),
    Handed("a list beside it", lambda m: [_pem(m), pem(_listed(m))], FULL),
    Handed("a list in DER", lambda m: [der(_listed(m)), p12(m.leaf)], FULL, PASSPHRASE),
    Handed("a request beside it", lambda m: [_pem(m), pem(requested(m))], FULL),
    # what does not belong together
    Handed("key of another", lambda m: [pem(m.certificate), pem(m.neighbour.key)], "key-mismatch"),
    Handed("two pfx", lambda m: [p12(m.leaf), p12(m.neighbour)], "several-keys", PASSPHRASE),
    Handed("pfx and another leaf", lambda m: [p12(m.leaf), pem(_neighbour(m))], "stray-certificate", PASSPHRASE),
    Handed("root instead of intermediate", lambda m: [pem(m.key, m.certificate), der(m.root)], "incomplete-chain"),
    Handed("authorities alone", lambda m: [pem(m.root), der(m.intermediate)], "not-a-credential"),
    Handed("a list alone", lambda m: [der(_listed(m))], "not-a-credential"),
    Handed("certificate without key", lambda m: [der(m.certificate), pem(m.intermediate)], "no-key"),
    Handed("key and request in two", lambda m: [pem(requested(m)), pem(m.key)], "no-certificate"),
    Handed("an empty file beside it", lambda m: [_pem(m), b""], "empty"),
    Handed("a text beside it", lambda m: [_pem(m), b"the password is on the note"], "not-a-certificate"),
    Handed("a wrong passphrase for one", lambda m: [_pem(m), p12(m.leaf)], "wrong-passphrase", b"wrong"),
    # time, name, purpose, who vouches
    Handed("expired", lambda m: _issued(m, -2), "expired"),
    Handed("not yet valid", lambda m: _issued(m, 2), ["renewed", "intermediate"]),
    Handed("its name", _pem_alone, FULL, asked={"names": ("api.example", "API.example.")}),
    Handed("another name", _pem_alone, "wrong-name", asked={"names": ("api.example", "example")}),
    Handed("for clients", lambda m: _issued(m, 0, Role.AUTHENTICATION), "wrong-purpose"),
    Handed("for a compute node", lambda m: _issued(m, 0, Role.COMPUTE), ["renewed", "intermediate"], asked={"role": "compute"}),
    Handed("to be let in", lambda m: _issued(m, 0, Role.AUTHENTICATION), ["renewed", "intermediate"], asked={"role": "authentication"}),
    Handed("a server's, to be let in", _pem_alone, "wrong-purpose", asked={"role": "authentication"}),
    Handed("self-signed", lambda m: [pem(m.key, _self_made(m))], "self-signed"),
    Handed("self-signed to try out", lambda m: [pem(m.key, _self_made(m))], ["renewed"], asked={"development": True}),
    Handed("no name at all", lambda m: [lonely().key_pem, lonely().chain_pem], "no-san"),
    Handed("an authority's", lambda m: [pem(m.ours.root.key), der(m.root)], "wrong-purpose"),
    Handed("revoked", lambda m: [_pem(m), der(_listed(m, m.certificate))], "revoked"),
    Handed("a list that is stale", lambda m: [_pem(m), der(_listed(m, days=-1))], "crl-expired"),
    Handed("a list of a stranger", lambda m: [_pem(m), der(_stranger(m))], "unknown-issuer"),
    Handed("believed by nobody here", _of_another_authority, ["renewed", "renewed"]),
]  # fmt: skip
