import base64
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.padding import AsymmetricPadding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from hermetic.certificates.envelope import seal, thumbprint_of, unseal
from hermetic.certificates.keys import KeyKind
from hermetic.errors import BadInput, CertificateRejected
from tests.support.certificates import hierarchy, key_of

RSA = key_of(KeyKind.RSA_2048)
OTHER = key_of(KeyKind.RSA_2048, 1)
SECRET = "User ID=deployr;Password=schlüssel-€"
OAEP_SHA1 = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
OAEP_SHA256 = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


@pytest.fixture(scope="module")
def certificate() -> x509.Certificate:
    return hierarchy().issue("web.example.com", key=RSA).chain.leaf


def envelope(*pieces: bytes, thumbprint: str = "AB" * 20) -> str:
    content = {"t": thumbprint, "s": base64.b64encode(b"".join(pieces)).decode()}
    return base64.b64encode(json.dumps(content).encode()).decode()


def encrypted(secret: bytes, scheme: AsymmetricPadding) -> bytes:
    public = RSA.public_key()
    assert isinstance(public, RSAPublicKey)
    return public.encrypt(secret, scheme)


def test_what_is_sealed_for_a_certificate_is_opened_by_its_key(
    certificate: x509.Certificate,
) -> None:
    sealed = seal(SECRET, certificate)
    assert unseal(sealed, RSA) == SECRET
    assert thumbprint_of(sealed) == certificate.fingerprint(hashes.SHA1()).hex().upper()


def test_an_envelope_is_what_the_original_printed(certificate: x509.Certificate) -> None:
    content = json.loads(base64.b64decode(seal(SECRET, certificate)))
    assert list(content) == ["t", "s"]
    assert isinstance(RSA, RSAPrivateKey)
    assert RSA.decrypt(base64.b64decode(content["s"]), OAEP_SHA1).decode() == SECRET


@pytest.mark.parametrize("length", [214, 215, 3000])
def test_a_long_secret_is_cut_into_pieces(certificate: x509.Certificate, length: int) -> None:
    secret = "ä" * (length // 2) + "x" * (length % 2)  # a letter may fall between two pieces
    assert unseal(seal(secret, certificate), RSA) == secret


@pytest.mark.parametrize("scheme", [OAEP_SHA1, OAEP_SHA256, padding.PKCS1v15()])
@pytest.mark.parametrize("cut", [1, 5])
def test_every_padding_that_the_original_may_have_used_is_opened(
    scheme: AsymmetricPadding, cut: int
) -> None:
    plain = SECRET.encode()
    size = -(-len(plain) // cut)
    pieces = [encrypted(plain[at : at + size], scheme) for at in range(0, len(plain), size)]
    assert unseal(envelope(*pieces), RSA) == SECRET


def test_an_envelope_that_was_broken_into_lines_is_read() -> None:
    whole = envelope(encrypted(b"s3cret-of-old", OAEP_SHA1), thumbprint="ab" * 20)
    lines = "\r\n".join(whole[at : at + 76] for at in range(0, len(whole), 76))
    assert unseal(f" {lines}\n", RSA) == "s3cret-of-old"
    assert thumbprint_of(lines) == "AB" * 20


def test_another_key_does_not_open_it_and_the_certificate_is_named(
    certificate: x509.Certificate,
) -> None:
    with pytest.raises(BadInput, match=r"another key than that of the certificate [0-9A-F]{40}"):
        unseal(seal(SECRET, certificate), OTHER)


def test_what_opens_to_no_text_is_damaged() -> None:
    intact = encrypted(b"a secret", OAEP_SHA1)
    assert unseal(envelope(intact), RSA) == "a secret"
    for spoilt in (intact[:-1], intact + b"\0", intact[::-1], b"\0" * 256, intact * 65):
        with pytest.raises(BadInput, match="The secret is damaged"):
            unseal(envelope(spoilt), RSA)


@pytest.mark.parametrize("short", [b"\xff\xfe", b"two\nlines", b""])
def test_what_is_no_text_is_not_taken_for_a_secret(short: bytes) -> None:
    with pytest.raises(BadInput, match="The secret is damaged"):
        unseal(envelope(encrypted(short, OAEP_SHA256)), RSA)


def test_a_short_secret_of_the_weakest_padding_may_be_chance_and_is_not_taken() -> None:
    assert unseal(envelope(encrypted(b"eight by", padding.PKCS1v15())), RSA) == "eight by"
    with pytest.raises(BadInput, match="seal it anew"):
        unseal(envelope(encrypted(b"seven b", padding.PKCS1v15())), RSA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3cret",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b'{"t": 1, "s": "AAAA"}').decode(),
        base64.b64encode(b'{"t": "' + b"AB" * 20 + b'"}').decode(),
        base64.b64encode(b"[" * 100_000).decode(),
        envelope(b"x", thumbprint="AB" * 19),
        envelope(),
        "\u20ac" * 8,
    ],
)
def test_what_is_no_envelope_is_told_as_such_and_not_repeated(text: str) -> None:
    with pytest.raises(BadInput, match="This is no sealed secret") as caught:
        thumbprint_of(text)
    assert not text or text not in caught.value.text
    with pytest.raises(BadInput, match="This is no sealed secret"):
        unseal(text, RSA)


@pytest.mark.parametrize("secret", ["", "two\nlines", "\udcff", "x" * 20_000])
def test_what_could_not_be_opened_again_is_not_sealed(
    certificate: x509.Certificate, secret: str
) -> None:
    with pytest.raises(BadInput, match="A secret to seal") as caught:
        seal(secret, certificate)
    assert not secret or secret not in caught.value.text


def test_a_key_that_cannot_encrypt_is_refused() -> None:
    elliptic = hierarchy().issue("web.example.com")
    with pytest.raises(CertificateRejected, match="no RSA key") as caught:
        seal(SECRET, elliptic.chain.leaf)
    assert caught.value.code == "unsupported-key"
    with pytest.raises(CertificateRejected, match="is ec-p256"):
        unseal(envelope(b"x"), elliptic.key)
