import logging
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, encode_public
from hermetic.certificates.pem import Block
from hermetic.certificates.reading import Contents, read
from hermetic.errors import CertificateRejected
from tests.support import imports
from tests.support.imports import NEW, OLD, PASSPHRASE, code_of, leaf_of, material
from tests.support.mint import authority, leaf, revocation_list

_TRADITIONAL = PrivateFormat.TraditionalOpenSSL
_FAST = [KeyKind.RSA_2048, KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519]
_SLOW = [KeyKind.RSA_3072, KeyKind.RSA_4096]
_KINDS = [*_FAST, *(pytest.param(kind, marks=pytest.mark.slow) for kind in _SLOW)]


def _publics(contents: Contents) -> list[bytes]:
    return [encode_public(key.public_key()) for key in contents.keys]


def _is_whole(contents: Contents, credential: Credential) -> bool:
    """Whether the credential's key and all its certificates were found, and nothing else."""
    return (
        set(contents.certificates) == set(credential.chain.certificates)
        and _publics(contents) == [encode_public(credential.key.public_key())]
        and contents.requests == ()
    )


@pytest.mark.parametrize("kind", _KINDS)
def test_pem_holds_key_and_chain_in_any_order(kind: KeyKind) -> None:
    leaf = leaf_of(kind)
    certificates = leaf.chain.certificates
    assert _is_whole(read(imports.pem(leaf.key, *certificates)), leaf)
    assert _is_whole(read(imports.pem(*reversed(certificates), leaf.key)), leaf)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("encryption", [OLD, NEW, None])
def test_pkcs12_is_read_in_every_encryption(kind: KeyKind, encryption: str | None) -> None:
    leaf = leaf_of(kind)
    data = imports.p12(leaf, encryption=encryption)
    assert _is_whole(read(data, passphrase=PASSPHRASE if encryption else None), leaf)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_pkcs8_is_read_plain_and_encrypted(
    kind: KeyKind, encoding: Encoding, passphrase: bytes | None
) -> None:
    key = leaf_of(kind).key
    data = imports.key_in(key, PrivateFormat.PKCS8, encoding, passphrase)
    assert _publics(read(data, passphrase=passphrase)) == [encode_public(key.public_key())]


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.EC_P256, KeyKind.EC_P384])
@pytest.mark.parametrize(
    ("encoding", "passphrase"),
    [(Encoding.PEM, None), (Encoding.DER, None), (Encoding.PEM, PASSPHRASE)],
)
def test_pkcs1_and_sec1_are_read(
    kind: KeyKind, encoding: Encoding, passphrase: bytes | None
) -> None:
    key = leaf_of(kind).key
    data = imports.key_in(key, _TRADITIONAL, encoding, passphrase)
    assert _publics(read(data, passphrase=passphrase)) == [encode_public(key.public_key())]


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_pkcs7_gives_its_certificates(encoding: Encoding) -> None:
    certificates = material().leaf.chain.certificates
    assert set(read(imports.p7(certificates, encoding)).certificates) == set(certificates)


def test_der_certificates_may_follow_each_other() -> None:
    certificates = material().leaf.chain.certificates
    data = b"".join(imports.der(one) for one in certificates)
    assert read(data + b"\n").certificates == certificates


def test_pkcs12_may_stand_in_pem() -> None:
    text = Block("PKCS12", _p12()).text
    assert _is_whole(read(text, passphrase=PASSPHRASE), material().leaf)


def test_the_settings_of_a_trusted_certificate_are_left_behind() -> None:
    text = Block("TRUSTED CERTIFICATE", imports.der(material().certificate) + b"\x30\x00").text
    assert read(text).certificates == (material().certificate,)


def test_a_request_is_told_from_a_certificate() -> None:
    wanted = signing.request(material().key, names=["api.example"])
    assert read(imports.pem(wanted)).requests == (wanted,)
    assert read(imports.der(wanted)).requests == (wanted,)


@pytest.mark.parametrize("write", [imports.pem, imports.der])
def test_a_revocation_list_is_told_from_a_certificate(
    write: Callable[[x509.CertificateRevocationList], bytes],
) -> None:
    above = authority()
    wanted = revocation_list(above, leaf(above))
    found = read(write(wanted))
    assert (found.revocation_lists, found.certificates) == ((wanted,), ())


def test_a_list_may_stand_beside_certificates_and_is_found_once() -> None:
    wanted = revocation_list(authority())
    found = read(imports.pem(wanted, material().key, material().certificate, wanted))
    assert (found.revocation_lists, found.certificates) == ((wanted,), (material().certificate,))
    assert len(found.keys) == 1


def _long_list() -> x509.CertificateRevocationList:
    """Return a list that is larger than any other file may be."""
    ballast = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.0"), bytes(330_001))
    return revocation_list(authority(), put=[(ballast, False)])


@pytest.mark.parametrize("write", [imports.pem, imports.der])
def test_only_a_revocation_list_may_be_long(
    write: Callable[[x509.CertificateRevocationList], bytes],
) -> None:
    data = write(_long_list())
    assert len(read(data).revocation_lists) == 1
    assert code_of(lambda: read(data + b"\n" * 10_000_000)) == "too-large"


def test_repeats_are_found_once() -> None:
    once = imports.pem(material().certificate, material().key)
    assert _is_whole(read(once * 3), Credential(Chain((material().certificate,)), material().key))


@pytest.mark.parametrize(
    "handled",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.decode().encode("utf-16"),
        lambda text: b"0 is the first letter of this text\n" + text + b"\nkind regards\n",
        lambda text: b"  tls.crt: |\n    " + text.replace(b"\n", b"\n    "),
        lambda text: text.replace(b"BEGIN CERT", b"BEGIN X509 CERT").replace(
            b"END CERT", b"END X509 CERT"
        ),
        lambda text: text + b"-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n",
        lambda text: text + b"\0" * 512,
    ],
    ids=["CRLF", "BOM", "UTF-16", "text around", "YAML", "X509", "parameters", "zeros behind"],
)
def test_a_text_is_read_however_it_was_handled(handled: Callable[[bytes], bytes]) -> None:
    text = imports.pem(material().key, *material().leaf.chain.certificates)
    assert _is_whole(read(handled(text)), material().leaf)


def test_a_passphrase_does_no_harm_where_none_is_needed() -> None:
    text = imports.pem(material().key, *material().leaf.chain.certificates)
    assert _is_whole(read(text, passphrase=b"unneeded"), material().leaf)


def _weak_key() -> bytes:
    return imports.pkcs1(rsa.generate_private_key(65537, 1024))


def _tampered_rsa_key() -> bytes:
    data = bytearray(imports.key_in(leaf_of(KeyKind.RSA_2048).key, _TRADITIONAL, Encoding.DER))
    data[-200] ^= 1
    return bytes(data)


def _unknown_cipher() -> bytes:
    aes, none = bytes.fromhex("60864801650304012a"), bytes.fromhex("60864801650304017f")
    return imports.key_in(material().key, encoding=Encoding.DER, passphrase=b"x").replace(aes, none)


def _large_certificate() -> bytes:
    issuer = material().ours.intermediate
    return imports.der(imports.resigned(material().certificate, issuer, padding=40_000))


def _pem() -> bytes:
    return imports.pem(material().certificate)


def _encrypted(form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return imports.key_in(material().key, form, passphrase=PASSPHRASE)


def _p12() -> bytes:
    return imports.p12(material().leaf)


_REFUSED: list[tuple[str, Callable[[], bytes], bytes | None, str]] = [
    ("nothing", lambda: b"", None, "empty"),
    ("blanks", lambda: b" \r\n\t", None, "empty"),
    ("only zeros", lambda: b"\0" * 4096, None, "empty"),
    ("a text", lambda: b"hello", None, "not-a-certificate"),
    ("bare base64", lambda: b"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", None, "not-a-certificate"),
    ("a Java keystore", lambda: b"\xfe\xed\xfe\xed\0\0\0\2", None, "not-a-certificate"),
    ("a public key", lambda: imports.public_pem(material().key), None, "not-a-certificate"),
    ("an empty sequence", lambda: b"\x30\x00", None, "not-a-certificate"),
    ("PEM cut off", lambda: _pem()[:-40], None, "truncated"),
    ("DER cut off", lambda: imports.der(material().certificate)[:-1], None, "truncated"),
    ("a key cut off", lambda: imports.key_in(material().key)[:-60], None, "truncated"),
    ("PKCS#12 cut off", lambda: _p12()[:-9], PASSPHRASE, "truncated"),
    ("base64 cut", lambda: _pem().replace(b"=\n", b"\n").replace(b"MII", b"MI"), None, "malformed"),
    ("DER inside changed", lambda: b"\x30\x03\x30\x01\x00", None, "not-a-certificate"),
    ("an RSA key changed", _tampered_rsa_key, None, "malformed"),
    ("no certificate inside", lambda: Block("CERTIFICATE", b"\x30\x00").text, None, "malformed"),
    ("no key inside", lambda: Block("PRIVATE KEY", b"\x30\x00").text, None, "malformed"),
    (
        "no request inside",
        lambda: Block("CERTIFICATE REQUEST", b"\x30\x00").text,
        None,
        "malformed",
    ),
    ("no list inside", lambda: Block("X509 CRL", b"\x30\x00").text, None, "malformed"),
    ("a list cut off", lambda: imports.der(revocation_list(authority()))[:-1], None, "truncated"),
    ("no PKCS#7 inside", lambda: Block("PKCS7", b"\x30\x00").text, None, "no-certificate"),
    ("no PKCS#12 inside", lambda: b"\x30\x05\x02\x01\x03\x30\x00", None, "unsupported-encryption"),
    ("a DSA key", lambda: Block("DSA PRIVATE KEY", b"\x30\x00").text, None, "unsupported-key"),
    ("a key under an unknown cipher", _unknown_cipher, b"x", "unsupported-encryption"),
    ("an encrypted key", _encrypted, None, "encrypted-key"),
    ("a key with a wrong passphrase", _encrypted, b"wrong", "wrong-passphrase"),
    ("an old encrypted key", lambda: _encrypted(_TRADITIONAL), None, "encrypted-key"),
    ("an old key, wrong passphrase", lambda: _encrypted(_TRADITIONAL), b"y", "wrong-passphrase"),
    ("PKCS#12", _p12, None, "encrypted-key"),
    ("PKCS#12 with a wrong passphrase", _p12, b"wrong", "wrong-passphrase"),
    (
        "PKCS#12 in BER",
        lambda: b"\x30\x80" + _p12()[4:] + b"\0\0",
        PASSPHRASE,
        "unsupported-encoding",
    ),
    ("a weak key", _weak_key, None, "weak-key"),
    (
        "a weak curve",
        lambda: imports.key_in(ec.generate_private_key(ec.SECP224R1())),
        None,
        "weak-key",
    ),
    (
        "another curve",
        lambda: imports.key_in(ec.generate_private_key(ec.SECP521R1())),
        None,
        "unsupported-key",
    ),
    (
        "an OpenSSH key",
        lambda: imports.key_in(material().key, PrivateFormat.OpenSSH),
        None,
        "unsupported-key",
    ),
    ("a huge file", lambda: b"x" * 330_001, None, "too-large"),
    ("a huge certificate", _large_certificate, None, "too-large"),
    ("too many pieces", lambda: b"\x30\x00" * 501, None, "too-large"),
    (
        "a huge key",
        lambda: b"\x30\x82\x10\x00\x02\x01\x00\x30\x00" + bytes(4091),
        None,
        "too-large",
    ),
]


@pytest.mark.parametrize(
    ("make", "passphrase", "code"),
    [case[1:] for case in _REFUSED],
    ids=[case[0] for case in _REFUSED],
)
def test_what_cannot_be_used_is_refused_with_its_reason(
    make: Callable[[], bytes], passphrase: bytes | None, code: str
) -> None:
    assert code_of(lambda: read(make(), passphrase=passphrase)) == code


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (_encrypted, "openssl pkey -in"),
        (_p12, "openssl pkcs12 -in"),
        (lambda: imports.key_in(material().key, PrivateFormat.OpenSSH), "ssh-keygen -p -m PKCS8"),
        (lambda: b"\xce\xce\xce\xce", "keytool -importkeystore"),
        (lambda: b"MIIBIjAN", "base64 -d"),
        (_weak_key, "at least 2048 bits"),
    ],
)
def test_a_refusal_says_how_to_mend_it(make: Callable[[], bytes], remedy: str) -> None:
    with pytest.raises(CertificateRejected) as caught:
        read(make())
    assert remedy in caught.value.text


def test_the_line_that_writes_a_key_unencrypted_does_so(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "KEY.pem").write_bytes(_encrypted())
    line = ["openssl", "pkey", "-in", "KEY.pem", "-out", "KEY-plain.pem", "-passin", "stdin"]
    subprocess.run(line, input=PASSPHRASE, cwd=tmp_path, check=True)
    assert len(read((tmp_path / "KEY-plain.pem").read_bytes()).keys) == 1


@pytest.mark.parametrize("cipher", ["PBE-SHA1-RC2-40", "PBE-SHA1-3DES", "aes-256-cbc"])
def test_pkcs12_as_windows_and_openssl_wrote_it_is_read(cipher: str, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    both = tmp_path / "both.pem"
    both.write_bytes(imports.pem(material().key, material().certificate))
    line = ["openssl", "pkcs12", "-export", "-legacy", "-certpbe", cipher, "-keypbe", cipher]
    files = ["-in", str(both), "-passout", "pass:correct horse"]
    made = subprocess.run([*line, *files], capture_output=True, check=True)
    contents = read(made.stdout, passphrase=PASSPHRASE)
    assert contents.certificates == (material().certificate,)
    assert len(contents.keys) == 1


def test_nothing_shows_keys_or_passphrases(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        contents = read(imports.pem(material().key))
    assert "key" not in repr(contents).lower()
    for name, make, passphrase, _ in _REFUSED:
        with pytest.raises(CertificateRejected) as caught:
            read(make(), passphrase=passphrase)
        assert "correct horse" not in str(caught.value), name
    assert caplog.text == ""


_DAMAGED: dict[str, Callable[[], bytes]] = {
    "pem": _pem,
    "list": lambda: imports.der(revocation_list(authority())),
    "p7": lambda: imports.p7([material().certificate]),
    "p12": _p12,
    "key": lambda: imports.key_in(material().key, encoding=Encoding.DER),
    "encrypted": lambda: imports.key_in(
        material().key, encoding=Encoding.DER, passphrase=PASSPHRASE
    ),
}


# A changed bit may make a serial number negative, which the parser warns of and still reads.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    which=st.sampled_from(sorted(_DAMAGED)),
    at=st.floats(0, 1, exclude_max=True),
    put=st.binary(max_size=8),
    cut=st.integers(0, 8),
)
def test_a_damaged_file_is_read_or_refused(which: str, at: float, put: bytes, cut: int) -> None:
    data = _DAMAGED[which]()
    place = int(at * len(data))
    damaged = data[:place] + put + data[place + cut :]
    code = code_of(lambda: read(damaged, passphrase=PASSPHRASE))
    assert code is None or code.replace("-", "").isalpha()


@settings(max_examples=300)
@given(st.binary(max_size=500), st.none() | st.binary(max_size=10))
def test_random_bytes_are_never_anything_but_refused(data: bytes, passphrase: bytes | None) -> None:
    for opening in (b"", b"\x30", b"-----BEGIN CERTIFICATE-----\n"):
        with pytest.raises(CertificateRejected):
            read(opening + data, passphrase=passphrase)
