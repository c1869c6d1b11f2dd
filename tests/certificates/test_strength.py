"""Keys and signatures that still bind, and those that no longer do."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from hermetic.certificates.keys import KeyKind
from hermetic.certificates.strength import check_key, check_signature_hash
from hermetic.errors import CertificateRejected
from tests.support.certificates import key_of
from tests.support.mint import Change, Key, authority, leaf, revocation_list


@pytest.mark.parametrize("kind", KeyKind)
def test_every_kind_of_key_we_make_is_strong(kind: KeyKind) -> None:
    check_key(leaf(authority(), key=key_of(kind)))


def test_p_521_is_accepted_of_others() -> None:
    check_key(authority(key=ec.generate_private_key(ec.SECP521R1())).certificate)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        (rsa.generate_private_key(65537, 1024), "weak-key"),
        (rsa.generate_private_key(65537, 2052), "unsupported-key"),
        (ec.generate_private_key(ec.SECP192R1()), "weak-key"),
        (ec.generate_private_key(ec.SECP256K1()), "unsupported-key"),
        (dsa.generate_private_key(2048), "unsupported-key"),
    ],
    ids=["rsa-1024", "rsa-2052", "p-192", "k-256", "dsa"],
)
def test_other_keys_are_refused(key: Key, code: str) -> None:
    with pytest.raises(CertificateRejected, match="use ") as caught:
        check_key(leaf(authority(), key=key))
    assert caught.value.code == code


def test_an_exponent_that_makes_verification_dear_is_refused() -> None:
    small = key_of(KeyKind.RSA_2048)
    assert isinstance(small, rsa.RSAPrivateKey)
    numbers = small.private_numbers()
    # the two exponents of a key may change places: what was private is as long as the modulus
    swapped = rsa.RSAPrivateNumbers(
        numbers.p,
        numbers.q,
        numbers.public_numbers.e,
        numbers.dmp1,
        numbers.dmq1,
        numbers.iqmp,
        rsa.RSAPublicNumbers(numbers.d, numbers.public_numbers.n),
    )
    key = swapped.private_key(unsafe_skip_rsa_key_validation=True)
    with pytest.raises(CertificateRejected, match="the exponent 65537"):
        check_key(leaf(authority(), key=key))


def test_a_signature_over_a_short_hash_no_longer_binds() -> None:
    certificate = leaf(authority(), change=Change(hash=hashes.SHA224()))
    with pytest.raises(CertificateRejected, match="sha224") as caught:
        check_signature_hash(certificate)
    assert caught.value.code == "weak-signature"


def test_signatures_with_sha_256_and_with_ed25519_bind() -> None:
    check_signature_hash(leaf(authority()))
    check_signature_hash(leaf(authority(key=key_of(KeyKind.ED25519))))
    check_signature_hash(revocation_list(authority()))
