import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermetic.certificates.credential import fits, pair
from hermetic.certificates.keys import KeyKind, encode_public, generate
from hermetic.certificates.reading import Contents, read
from hermetic.errors import CertificateRejected
from tests.support.import_fixtures import FILES, FULL, Make, Outcome, label, requested
from tests.support.imports import code_of, leaf_of, lonely, material, pem


def _outcome(data: bytes, passphrase: bytes | None) -> Outcome:
    try:
        credential = pair(read(data, passphrase=passphrase))
    except CertificateRejected as refused:
        return refused.code
    assert fits(credential.key, credential.chain.leaf)
    return [label(certificate) for certificate in credential.chain.certificates]


@pytest.mark.parametrize(
    ("make", "passphrase", "expected"),
    [case[1:] for case in FILES],
    ids=[case[0] for case in FILES],
)
def test_an_import_gives_the_right_chain_or_one_reason(
    make: Make, passphrase: bytes | None, expected: Outcome
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
    assert pair(contents, [m.other.root_certificate, m.intermediate]).chain == m.leaf.chain


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
    contents = Contents((), (material().key,), (requested(material()),))
    with pytest.raises(CertificateRejected, match="a request, not the certificate"):
        pair(contents)
    assert code_of(lambda: pair(contents)) == "no-certificate"


def test_a_credential_does_not_show_its_key() -> None:
    shown = repr(material().leaf)
    assert "key=" not in shown.lower()
    assert "PRIVATE" not in shown
