import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates import signing
from hermetic.certificates.keys import KeyKind
from hermetic.errors import CertificateRejected, NotFound, Unreachable
from hermetic.issuers.acme.answered import certificate_id, chain_of, has_id, suggestion_of
from tests.support.acme import requesting
from tests.support.certificates import DAY, hierarchy, key_of

OURS, PEM = hierarchy(), Encoding.PEM


def test_the_id_of_a_certificate_is_that_of_the_rfc() -> None:
    """RFC 9773, 4.1 prints the key identifier, the serial number and what they make."""
    key, name = key_of(KeyKind.EC_P256), x509.Name([])
    signer = bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 0x87654321)
        .not_valid_before(OURS.now)
        .not_valid_after(OURS.now + DAY)
        .add_extension(x509.AuthorityKeyIdentifier(signer, None, None), critical=False)
        .sign(key, SHA256())
    )
    assert certificate_id(certificate) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


def test_what_says_no_signer_has_no_id() -> None:
    assert has_id(OURS.issue().chain.leaf)
    assert not has_id(OURS.root_certificate)
    with pytest.raises(NotFound):
        certificate_id(OURS.root_certificate)


def test_a_chain_in_any_order_begins_with_the_certificate_that_was_asked_for() -> None:
    key = key_of(KeyKind.EC_P256)
    issued = OURS.issue("a.test", key=key).chain
    mixed = OURS.root_pem + issued.certificates[1].public_bytes(PEM) + issued.leaf.public_bytes(PEM)
    request = signing.request(key, names=["a.test"])
    assert chain_of(mixed, request).certificates == issued.certificates
    with pytest.raises(CertificateRejected) as caught:
        chain_of(issued.pem, requesting(["a.test"]))
    assert caught.value.code == "key-mismatch"


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        (timedelta(0), timedelta(hours=6)),
        (timedelta(seconds=1), timedelta(minutes=1)),
        (timedelta(hours=2), timedelta(hours=2)),
        (timedelta(days=365), timedelta(days=1)),
    ],
)
def test_a_suggestion_is_asked_for_again_within_bounds(
    asked: timedelta, granted: timedelta
) -> None:
    now = OURS.now
    said = {"suggestedWindow": {"start": "2026-11-26T12:00:00", "end": "2026-11-27T14:00:00+02:00"}}
    found = suggestion_of(json.dumps(said).encode(), asked, now)
    assert found.ask_again_at == now + granted
    assert found.window.end - found.window.start == DAY  # what names no zone is UTC
    with pytest.raises(Unreachable, match="renewalinfo"):
        suggestion_of(b"<html>", asked, now)
