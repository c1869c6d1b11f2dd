from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential, fits, pair
from hermetic.certificates.keys import KeyKind, encode_public, generate
from hermetic.certificates.reading import Contents, read
from hermetic.errors import CertificateRejected
from tests.support.imports import (
    NEW,
    OLD,
    PASSPHRASE,
    Material,
    code_of,
    key_in,
    leaf_of,
    lonely,
    material,
    p7,
    p12,
    pem,
    resigned,
)

FULL = ["leaf", "intermediate"]
"""What is served: the root is left to the clients."""

_TRADITIONAL = PrivateFormat.TraditionalOpenSSL

_AS_PEM = Encoding.PEM
_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
_EMPTY_KEY = b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"

_Make = Callable[[Material], bytes]

_IMPORTS: list[tuple[str, _Make, bytes | None, list[str] | str]] = [
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
    ("pem with request", lambda m: _pem(m) + pem(_request(m)), None, FULL),
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
    ("key and request", lambda m: pem(m.key, _request(m)), None, "no-certificate"),
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


def _request(m: Material) -> x509.CertificateSigningRequest:
    return signing.request(m.key, names=["api.example"])


def _neighbour(m: Material) -> x509.Certificate:
    return m.neighbour.chain.leaf


def _other(m: Material) -> x509.Certificate:
    return m.other.root_certificate


def _self_made(m: Material) -> x509.Certificate:
    """What a tool wrote for the key while it waited for the real one."""
    return resigned(m.certificate, Credential(Chain((m.certificate,)), m.key))


def _label(certificate: x509.Certificate) -> str:
    m = material()
    if certificate.subject == m.root.subject and certificate.issuer != m.root.subject:
        return "cross-signed"
    known = {m.certificate: "leaf", m.intermediate: "intermediate", m.root: "root"}
    return known.get(certificate, "renewed")


def _outcome(data: bytes, passphrase: bytes | None) -> list[str] | str:
    try:
        credential = pair(read(data, passphrase=passphrase))
    except CertificateRejected as refused:
        return refused.code
    assert fits(credential.key, credential.chain.leaf)
    return [_label(certificate) for certificate in credential.chain.certificates]


@pytest.mark.parametrize(
    ("make", "passphrase", "expected"),
    [case[1:] for case in _IMPORTS],
    ids=[case[0] for case in _IMPORTS],
)
def test_an_import_gives_the_right_chain_or_one_reason(
    make: _Make, passphrase: bytes | None, expected: list[str] | str
) -> None:
    assert _outcome(make(material()), passphrase) == expected


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.EC_P384, KeyKind.ED25519])
def test_a_credential_reads_back_from_what_it_writes(kind: KeyKind) -> None:
    leaf = leaf_of(kind)
    again = pair(read(leaf.key_pem + leaf.chain_pem))
    assert again.chain == leaf.chain
    assert encode_public(again.key.public_key()) == encode_public(leaf.key.public_key())


@settings(deadline=None)
@given(st.permutations([0, 1, 2, 3]))
def test_the_order_in_which_things_came_makes_no_difference(order: list[int]) -> None:
    m = material()
    pieces = [pem(m.key), pem(m.certificate), pem(m.intermediate), pem(m.root)]
    assert _outcome(b"".join(pieces[place] for place in order), None) == FULL


def test_missing_issuers_come_from_the_pool() -> None:
    m = material()
    contents = Contents((m.certificate,), (m.key,))
    assert pair(contents, [_other(m), m.intermediate]).chain == m.leaf.chain


def test_a_self_signed_certificate_is_a_credential() -> None:
    assert pair(read(lonely().key_pem + lonely().chain_pem)).chain == lonely().chain


def test_a_certificate_fits_its_own_key_and_no_other() -> None:
    assert fits(material().key, material().certificate)
    assert not fits(generate(), material().certificate)


def test_a_mismatch_tells_the_kind_of_key_and_whose_certificate_it_is() -> None:
    with pytest.raises(CertificateRejected) as caught:
        pair(Contents((material().certificate,), (generate(KeyKind.ED25519),)))
    assert "(ed25519)" in caught.value.text
    assert "'CN=api.example'" in caught.value.text


def test_a_request_without_its_certificate_is_called_that() -> None:
    contents = Contents((), (material().key,), (_request(material()),))
    with pytest.raises(CertificateRejected, match="a request, not the certificate"):
        pair(contents)
    assert code_of(lambda: pair(contents)) == "no-certificate"


def test_a_credential_does_not_show_its_key() -> None:
    shown = repr(material().leaf)
    assert "key=" not in shown.lower()
    assert "PRIVATE" not in shown
