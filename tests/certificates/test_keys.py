from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from hermetic.certificates.keys import (
    KeyKind,
    accept,
    encode,
    encode_public,
    generate,
    kind_of,
    signature_hash,
)
from hermetic.errors import CertificateRejected
from tests.support.certificates import key_of


@pytest.mark.parametrize("kind", KeyKind)
def test_a_key_is_of_the_kind_it_was_made_as(kind: KeyKind) -> None:
    assert kind_of(key_of(kind)) is kind
    assert kind_of(key_of(kind).public_key()) is kind


@pytest.mark.parametrize("kind", KeyKind)
def test_an_encoded_key_reads_back_as_the_same_key(kind: KeyKind) -> None:
    key = key_of(kind)
    read = load_pem_private_key(encode(key), None)
    assert encode_public(accept(read).public_key()) == encode_public(key.public_key())


def test_the_kind_made_when_none_is_asked_for_is_p256() -> None:
    assert kind_of(generate()) is KeyKind.EC_P256


def test_two_keys_made_are_never_the_same() -> None:
    assert encode_public(generate().public_key()) != encode_public(generate().public_key())


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: rsa.generate_private_key(65537, 1024), "weak-key"),
        (lambda: ec.generate_private_key(ec.SECP224R1()), "weak-key"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "unsupported-key"),
        (lambda: ec.generate_private_key(ec.SECP256K1()), "unsupported-key"),
        (lambda: rsa.RSAPublicNumbers(65537, 2**4100 + 1).public_key(), "unsupported-key"),
        (lambda: dsa.generate_private_key(1024), "unsupported-key"),
        (ed448.Ed448PrivateKey.generate, "unsupported-key"),
        (lambda: "a text", "unsupported-key"),
    ],
    ids=["rsa-1024", "p-224", "p-521", "secp256k1", "rsa-4101", "dsa", "ed448", "no key at all"],
)
def test_a_key_we_would_not_serve_with_is_refused_with_its_reason(
    make: Callable[[], object], code: str
) -> None:
    with pytest.raises(CertificateRejected) as caught:
        kind_of(make())
    assert caught.value.code == code


def test_an_rsa_key_between_two_sizes_counts_as_the_smaller() -> None:
    assert kind_of(rsa.generate_private_key(65537, 2304)) is KeyKind.RSA_2048


def test_a_public_key_is_not_accepted_as_a_private_one() -> None:
    with pytest.raises(CertificateRejected, match="private key is needed") as caught:
        accept(generate().public_key())
    assert caught.value.code == "no-key"


def test_the_hash_is_as_strong_as_the_key() -> None:
    names = {kind: signature_hash(key_of(kind)) for kind in KeyKind}
    assert {kind: found.name if found else None for kind, found in names.items()} == {
        KeyKind.RSA_2048: "sha256",
        KeyKind.RSA_3072: "sha256",
        KeyKind.RSA_4096: "sha256",
        KeyKind.EC_P256: "sha256",
        KeyKind.EC_P384: "sha384",
        KeyKind.ED25519: None,
    }
