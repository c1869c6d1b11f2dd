"""Signed requests as they come in: flattened JWS (RFC 7515; RFC 8555, 6.2).

What a request says counts only once its signature was verified, and no word of it chooses how.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from jwt import PyJWK
from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError
from jwt.utils import base64url_decode
from jwt.warnings import InsecureKeyLengthWarning

from hermetic.certificates.keys import KeyKind, PublicKey, kind_of
from hermetic.errors import CertificateRejected, RefusedByIssuer
from hermetic.gateway.certifying import refused
from hermetic.issuers.acme.jose import public_jwk

ALGORITHMS = ("ES256", "ES384", "RS256", "EdDSA")
_OF_KIND = {KeyKind.EC_P256: "ES256", KeyKind.EC_P384: "ES384", KeyKind.ED25519: "EdDSA"}
_BINDING = "HS256"
_JWS = PyJWS()
warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning, module="hermetic.web.acme")


class _Flattened(msgspec.Struct):
    protected: str
    payload: str
    signature: str
    header: dict[str, Any] | None = None


@dataclass(frozen=True)
class Signed:
    """A request, not verified yet: its protected header, and what it carries."""

    header: Mapping[str, Any]
    payload: bytes = field(repr=False)
    _compact: str = field(repr=False)

    @property
    def algorithm(self) -> str:
        """The name of its signature; one of ours, or none that is verified."""
        return str(self.header.get("alg", ""))

    def text(self, name: str) -> str:
        """Return the member *name* of the header, "" if it has none."""
        value = self.header.get(name, "")
        return value if isinstance(value, str) else ""

    def own_key(self) -> str:
        """Return the key that the request itself shows, canonically, once it has verified by it."""
        shown = self.header.get("jwk")
        if not isinstance(shown, dict):
            raise refused("malformed", "Send the key of the account as `jwk`.", 400)
        known = canonical(shown, self.algorithm)
        self.verify(known)
        return known

    def verify(self, account_key: str) -> None:
        """Refuse what was not signed by *account_key*, a JWK in JSON."""
        if self.algorithm not in ALGORITHMS:
            raise refused("badSignatureAlgorithm", f"Sign with {', '.join(ALGORITHMS)}.", 400)
        key = _key(json.loads(account_key), self.algorithm)
        self._verify(key, self.algorithm)

    def verify_binding(self, mac_key: bytes) -> None:
        """Refuse what was not signed with the secret of a token (RFC 8555, 7.3.4)."""
        if self.algorithm != _BINDING:
            raise refused("badSignatureAlgorithm", f"Sign a binding with {_BINDING}.", 400)
        self._verify(mac_key, _BINDING)

    def members(self) -> dict[str, Any]:
        """Return the payload, an object in JSON."""
        try:
            found = msgspec.json.decode(self.payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise refused("malformed", "The payload is not JSON.", 400) from error
        if not isinstance(found, dict):
            raise refused("malformed", "The payload is no object.", 400)
        return found

    def _verify(self, key: PublicKey | bytes, algorithm: str) -> None:
        try:
            _JWS.decode_complete(self._compact, cast(Any, key), algorithms=[algorithm])
        except (PyJWTError, ValueError, TypeError) as error:
            raise refused("unauthorized", "The signature is not by that key.", 401) from error


def parsed(body: bytes | Mapping[str, Any]) -> Signed:
    """Return *body*, from a request or from within one, as a signed request.

    Raises:
        RefusedByIssuer: It is none (`malformed`).
    """
    try:
        if isinstance(body, bytes):
            flat = msgspec.json.decode(body, type=_Flattened)
        else:
            flat = msgspec.convert(body, _Flattened)
        header = msgspec.json.decode(base64url_decode(flat.protected))
        payload = base64url_decode(flat.payload)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _malformed() from error
    if not isinstance(header, dict) or flat.header or "crit" in header or "b64" in header:
        raise _malformed()
    return Signed(header, payload, f"{flat.protected}.{flat.payload}.{flat.signature}")


def canonical(shown: Mapping[str, Any], algorithm: str) -> str:
    """Return a public key that was shown as a JWK, in the one form in which we know it."""
    if algorithm not in ALGORITHMS:
        raise refused("badSignatureAlgorithm", f"Sign with {', '.join(ALGORITHMS)}.", 400)
    return _written(_key(shown, algorithm), algorithm)


def canonical_of(key: object, algorithm: str) -> str:
    """Return a public key as `canonical` does; "" if it is not for *algorithm*."""
    try:
        return _written(cast(PublicKey, key), algorithm) if algorithm in ALGORITHMS else ""
    except (PyJWTError, AttributeError, TypeError, ValueError):
        return ""


def _written(key: PublicKey, algorithm: str) -> str:
    return json.dumps(public_jwk(key, algorithm), sort_keys=True)


def _key(shown: Mapping[str, Any], algorithm: str) -> PublicKey:
    try:
        key = PyJWK(dict(shown), algorithm=algorithm).key
        fits = algorithm == _OF_KIND.get(kind_of(key), "RS256")
    except (PyJWTError, CertificateRejected, ValueError, TypeError) as error:
        raise refused(
            "badPublicKey", "The key is none that is taken: RSA of 2048 bits, P-256, P-384.", 400
        ) from error
    if not fits:
        raise refused("badPublicKey", f"The key is not one for {algorithm}.", 400)
    if hasattr(key, "private_numbers") or hasattr(key, "private_bytes"):
        raise refused("badPublicKey", "That was a private key: make another, and keep it.", 400)
    return cast(PublicKey, key)


def _malformed() -> RefusedByIssuer:
    return refused("malformed", "The body is no flattened JWS (RFC 7515, 7.2.2).", 400)
