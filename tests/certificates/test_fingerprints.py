"""Fingerprints: as people write them, and all that one certificate can be given."""

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from hermetic.certificates.fingerprints import (
    all_fingerprints_of,
    fingerprints_of,
    mirrored,
    parse,
)
from hermetic.certificates.keys import KeyKind
from hermetic.errors import BadInput
from tests.support.certificates import key_of
from tests.support.mint import authority, leaf

SHA1 = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "text",
    [
        SHA1,
        SHA1.upper(),
        ":".join(SHA1[at : at + 2] for at in range(0, 40, 2)),
        f"\u200e{SHA1[:20]} {SHA1[20:]}\n",
    ],
    ids=["plain", "upper case", "colons", "from a dialog of Windows"],
)
def test_it_may_be_written_in_any_way_that_tools_write_it(text: str) -> None:
    assert parse(text) == SHA1


@pytest.mark.parametrize("text", ["", SHA1[:-1], SHA1 + "0", "g" * 40, "CN=web-1", "٣" * 40])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="40 digits of its SHA-1 or the 64 of its SHA-256"):
        parse(text)


def test_it_is_what_openssl_prints() -> None:
    one = leaf(authority())
    digests = {one.fingerprint(kind).hex() for kind in (hashes.SHA1(), hashes.SHA256())}
    assert fingerprints_of(one) == digests


@pytest.mark.parametrize(
    "curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()], ids=lambda one: one.name
)
def test_anybody_can_give_an_ecdsa_certificate_another_fingerprint(
    curve: ec.EllipticCurve,
) -> None:
    above = authority(key=ec.generate_private_key(curve))
    one = leaf(above)
    twin_der = mirrored(one, above.certificate)
    assert twin_der is not None
    twin = x509.load_der_x509_certificate(twin_der)
    twin.verify_directly_issued_by(above.certificate)
    assert twin.tbs_certificate_bytes == one.tbs_certificate_bytes
    assert fingerprints_of(twin).isdisjoint(fingerprints_of(one))
    assert fingerprints_of(twin) < all_fingerprints_of(one, above.certificate)
    assert all_fingerprints_of(twin, above.certificate) == all_fingerprints_of(
        one, above.certificate
    )


def test_a_certificate_with_anything_else_changed_does_not_verify() -> None:
    above = authority()
    one = leaf(above)
    stranger = authority(key=key_of(KeyKind.EC_P384, 5))
    twin_der = mirrored(one, stranger.certificate)  # mirrored in a group that is not its own
    assert twin_der is not None
    with pytest.raises(InvalidSignature):
        x509.load_der_x509_certificate(twin_der).verify_directly_issued_by(above.certificate)


@pytest.mark.parametrize("kind", [KeyKind.RSA_2048, KeyKind.ED25519])
def test_other_signatures_are_the_only_ones(kind: KeyKind) -> None:
    above = authority(key=key_of(kind, 3))
    one = leaf(above)
    assert mirrored(one, above.certificate) is None
    assert all_fingerprints_of(one, above.certificate) == fingerprints_of(one)
