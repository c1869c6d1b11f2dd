"""Keys and forged tokens, for those who must refuse them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def signing_key(which: int = 0) -> rsa.RSAPrivateKey:
    """Return an RSA key, the same one for the same *which* all session long."""
    return _key(which)


@cache
def _key(which: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def encoded(part: Mapping[str, object]) -> str:
    """Return one part of a JWT."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, object]:
    """Return what a token says, unchecked."""
    part = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def unsigned(token: str, algorithm: str = "none") -> bytes:
    """Return *token* with its claims, but naming *algorithm* and without a signature."""
    return f"{encoded({'alg': algorithm, 'typ': 'JWT'})}.{token.split('.')[1]}.".encode()


def signed_with_public_key(token: str, key: rsa.RSAPublicKey) -> bytes:
    """Return *token* signed by HS512 with what everybody may know of *key*."""
    secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = f"{encoded({'alg': 'HS512', 'typ': 'JWT'})}.{token.split('.')[1]}"
    digest = hmac.new(secret, body.encode(), hashlib.sha512).digest()
    return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}".encode()
