"""Signed requests, beside what the RFCs print."""

import base64
import hmac
import json
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from hermetic.certificates.keys import KeyKind, PrivateKey
from hermetic.errors import BadInput
from hermetic.issuers.acme import jose
from tests.support.certificates import key_of

# The key of RFC 7638, 3.1, as numbers; its thumbprint is printed there.
_N = (
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
    "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
    "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
    "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
)
_THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def bytes_of(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_the_thumbprint_is_that_of_the_rfc() -> None:
    assert jose.thumbprint_of({"kty": "RSA", "n": _N, "e": "AQAB"}) == _THUMBPRINT


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (KeyKind.EC_P256, "ES256"),
        (KeyKind.EC_P384, "ES384"),
        (KeyKind.RSA_2048, "RS256"),
    ],
)
def test_a_request_says_by_whom_where_and_once(kind: KeyKind, name: str) -> None:
    key = key_of(kind)
    told = json.loads(jose.signed(b'{"a":1}', key, url="https://a/b", nonce="n1"))
    assert set(told) == {"protected", "payload", "signature"}
    assert bytes_of(told["payload"]) == b'{"a":1}'
    header = json.loads(bytes_of(told["protected"]))
    assert header == {"alg": name, "nonce": "n1", "url": "https://a/b", "jwk": jose.jwk(key)}
    told = json.loads(jose.signed(b"", key, url="https://a/b", nonce="n2", kid="https://a/acct/1"))
    assert told["payload"] == ""
    header = json.loads(bytes_of(told["protected"]))
    assert (header["kid"], "jwk" in header) == ("https://a/acct/1", False)


def test_a_signature_is_the_keys_own() -> None:
    key = key_of(KeyKind.EC_P256)
    told = json.loads(jose.signed(b"x", key, url="https://a/b", nonce="n"))
    raw = bytes_of(told["signature"])
    r, s = (int.from_bytes(half, "big") for half in (raw[:32], raw[32:]))
    signed = f"{told['protected']}.{told['payload']}".encode()
    public = key.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        public.verify(encode_dss_signature(r, s), signed + b"x", ec.ECDSA(hashes.SHA256()))


def test_an_external_account_binds_the_key() -> None:
    key: PrivateKey = key_of(KeyKind.EC_P256)
    mac = base64.urlsafe_b64encode(b"k" * 32).decode()
    bound = jose.ExternalAccount("kid-1", mac).bound("https://a/new", jose.jwk(key))
    header = json.loads(bytes_of(bound["protected"]))
    assert header == {"alg": "HS256", "kid": "kid-1", "url": "https://a/new"}
    assert json.loads(bytes_of(bound["payload"])) == jose.jwk(key)
    signed = f"{bound['protected']}.{bound['payload']}".encode()
    assert bytes_of(bound["signature"]) == hmac.digest(b"k" * 32, signed, sha256)


def test_a_key_of_an_external_account_that_is_none_is_refused_and_not_shown() -> None:
    with pytest.raises(BadInput, match="base64url") as caught:
        jose.ExternalAccount("kid-1", "no key!").bound("https://a/new", {})
    assert "no key!" not in caught.value.text
    assert "no key!" not in repr(jose.ExternalAccount("kid-1", "no key!"))
