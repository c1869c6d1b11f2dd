"""Signed requests: flattened JWS (RFC 7515; RFC 8555, 6.2), thumbprints (RFC 7638), and EAB.

Never writes a private key anywhere.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import get_default_algorithms
from jwt.api_jws import PyJWS

from hermetic.certificates.keys import PrivateKey, PublicKey
from hermetic.errors import BadInput

_ALGORITHMS = get_default_algorithms()
_JWS = PyJWS()
_THUMBED = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}


@dataclass(frozen=True)
class ExternalAccount:
    """An account that is known to the authority outside of ACME (RFC 8555, 7.3.4).

    Args:
        kid: What the authority calls it.
        mac_key: The key it gave along, in base64url.
    """

    kid: str
    mac_key: str = field(repr=False)

    def bound(self, url: str, jwk: dict[str, str]) -> dict[str, str]:
        """Return the binding of the account key *jwk*, for a new account at *url*.

        Raises:
            BadInput: The key is not written in base64url.
        """
        padded = self.mac_key.rstrip("=") + "=" * (-len(self.mac_key.rstrip("=")) % 4)
        try:
            key = base64.b64decode(padded, altchars=b"-_", validate=True)
        except ValueError as error:
            raise BadInput(
                "The key of the external account is not written in base64url (letters, digits,"
                " - and _): copy it as the authority shows it."
            ) from error
        return _flattened(json.dumps(jwk).encode(), key, "HS256", {"kid": self.kid, "url": url})


def jwk(key: PrivateKey) -> dict[str, str]:
    """Return the public half of *key* as a JWK, with the members that name it and no others."""
    return public_jwk(key.public_key(), algorithm(key))


def public_jwk(key: PublicKey, algorithm: str) -> dict[str, str]:
    """Return the public *key*, which is for *algorithm*, as `jwk` does."""
    told = _ALGORITHMS[algorithm].to_jwk(key, as_dict=True)
    return {name: str(told[name]) for name in _THUMBED[str(told["kty"])]}


def thumbprint(key: PrivateKey) -> str:
    """Return the thumbprint of *key* (RFC 7638), in base64url."""
    return thumbprint_of(jwk(key))


def thumbprint_of(named: Mapping[str, str]) -> str:
    """Return the thumbprint of a JWK that has the members that name it and no others."""
    canonical = json.dumps(named, sort_keys=True, separators=(",", ":"))
    return encoded(hashlib.sha256(canonical.encode()).digest())


def signed(payload: bytes, key: PrivateKey, *, url: str, nonce: str, kid: str = "") -> bytes:
    """Return a signed request to *url*; by the account *kid*, or by the key itself."""
    header: dict[str, object] = {"nonce": nonce, "url": url}
    header |= {"kid": kid} if kid else {"jwk": jwk(key)}
    return json.dumps(_flattened(payload, key, algorithm(key), header)).encode()


def inner(payload: Mapping[str, object], key: PrivateKey, *, url: str) -> dict[str, str]:
    """Return the request inside of a change of keys, which has no nonce (RFC 8555, 7.3.5)."""
    return _flattened(
        json.dumps(payload).encode(), key, algorithm(key), {"url": url, "jwk": jwk(key)}
    )


def algorithm(key: PrivateKey) -> str:
    """Return the name of the signature that *key* makes (RFC 7518, 3.1)."""
    if isinstance(key, RSAPrivateKey):
        return "RS256"
    if isinstance(key, EllipticCurvePrivateKey):
        return "ES256" if key.curve.name == "secp256r1" else "ES384"
    return "EdDSA"


def encoded(data: bytes) -> str:
    """Return *data* in base64url without padding (RFC 8555, 6.1)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _flattened(
    payload: bytes, key: PrivateKey | bytes, name: str, header: Mapping[str, object]
) -> dict[str, str]:
    # `typ` would be "JWT", which this is not
    compact = _JWS.encode(payload, key, algorithm=name, headers={**header, "typ": ""})
    protected, body, signature = compact.split(".")
    return {"protected": protected, "payload": body, "signature": signature}
