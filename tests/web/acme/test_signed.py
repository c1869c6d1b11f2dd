import json

import pytest

from hermetic.certificates.keys import KeyKind, generate
from hermetic.errors import RefusedByIssuer
from hermetic.issuers.acme import jose
from hermetic.web.acme.signed import canonical, canonical_of, parsed

URL = "https://web-1/acme/new-order"


@pytest.mark.parametrize(
    "kind", [KeyKind.RSA_2048, KeyKind.EC_P256, KeyKind.EC_P384, KeyKind.ED25519]
)
def test_what_a_client_signs_is_verified(kind: KeyKind) -> None:
    key = generate(kind)
    found = parsed(jose.signed(b'{"a": 1}', key, url=URL, nonce="n"))
    assert found.own_key() == canonical_of(key.public_key(), found.algorithm)
    assert (found.members(), found.text("url"), found.text("nonce")) == ({"a": 1}, URL, "n")
    with pytest.raises(RefusedByIssuer, match="not by that key"):
        found.verify(canonical(jose.jwk(generate(kind)), found.algorithm))


def test_one_key_is_known_in_one_form() -> None:
    key = generate()
    shown = jose.jwk(key)
    more = {**shown, "use": "sig", "alg": "ES256", "kid": "x"}
    assert canonical(more, "ES256") == canonical(shown, "ES256")


@pytest.mark.parametrize(
    ("shown", "algorithm", "expected"),
    [
        ({}, "ES256", "badPublicKey"),
        ({"kty": "oct", "k": "AAAA"}, "ES256", "badPublicKey"),
        ({"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}, "ES256", "badPublicKey"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "RS256", "badPublicKey"),
        (jose.jwk(generate()), "HS256", "badSignatureAlgorithm"),
        (jose.jwk(generate(KeyKind.EC_P384)), "ES256", "badPublicKey"),
    ],
)
def test_a_key_that_is_none_or_weak_is_refused(
    shown: dict[str, str], algorithm: str, expected: str
) -> None:
    with pytest.raises(RefusedByIssuer) as caught:
        canonical(shown, algorithm)
    assert caught.value.code == expected


def test_a_binding_is_of_its_secret_alone() -> None:
    external = jose.ExternalAccount("kid", jose.encoded(b"k" * 32))
    found = parsed(external.bound(URL, jose.jwk(generate())))
    found.verify_binding(b"k" * 32)
    with pytest.raises(RefusedByIssuer):
        found.verify_binding(b"l" * 32)


@pytest.mark.parametrize("payload", [b"", b"[]", b"nonsense", b"\xff"])
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    found = parsed(jose.signed(payload, generate(), url=URL, nonce="n"))
    with pytest.raises(RefusedByIssuer) as caught:
        found.members()
    assert caught.value.code == "malformed"


def test_a_payload_is_in_no_text_about_the_request() -> None:
    found = parsed(
        jose.signed(json.dumps({"secret": "hush"}).encode(), generate(), url=URL, nonce="")
    )
    assert "hush" not in repr(found)
