"""Access tokens: what they say, how they are signed, and when they are refused.

A token is a JWT signed with RS512 (RFC 7519; RFC 7518, 3.3).  Pure: keys and moments come in.
Whether a login still lives is not in the token; `gateway.access` knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

ALGORITHM = "RS512"  # what the retired server's tokens carried
ACCESS_LIFE = timedelta(hours=1)
REFRESH_LIFE = timedelta(days=14)
CHAIN_LIFE = timedelta(days=90)

TENANT = "6865726d-6574-4963-8000-000000000000"
"""The tenant that clients of Azure look for in a token: there is one, and it means nothing."""

CLOCK_SLACK = timedelta(seconds=10)
"""How much later than ours another node's clock may be before its tokens are too new."""

LONGEST = 4096
"""Bytes of the longest token that is looked at; ours have about 600."""


@dataclass(frozen=True)
class Claims:
    """What a token says: whose it is, by which login, from when to when."""

    subject: str
    session: str
    issued_at: datetime
    expires_at: datetime


class Refusal(StrEnum):
    """Why a token is refused.  For the log: the sender is told nothing of it."""

    MALFORMED = "malformed"
    FOREIGN_ALGORITHM = "foreign-algorithm"
    BAD_SIGNATURE = "bad-signature"
    INCOMPLETE = "incomplete"
    FOREIGN_ISSUER = "foreign-issuer"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"
    REVOKED = "revoked"
    UNKNOWN_PRINCIPAL = "unknown-principal"


def sign(claims: Claims, key: RSAPrivateKey, *, issuer: str) -> str:
    """Return the token that carries *claims*."""
    payload = {
        "sub": claims.subject,
        "name": claims.subject,
        "sid": claims.session,
        "iss": issuer,
        "tid": TENANT,
        "iat": int(claims.issued_at.timestamp()),
        "nbf": int(claims.issued_at.timestamp()),
        "exp": int(claims.expires_at.timestamp()),
    }
    return jwt.encode(payload, key, algorithm=ALGORITHM)


def verify(token: bytes, key: RSAPublicKey, *, issuer: str, at: datetime) -> Claims | Refusal:
    """Return what *token* says if it holds at the moment *at*, otherwise why it does not."""
    payload = _payload(token, key)
    if isinstance(payload, Refusal):
        return payload
    claims = _claims(payload)
    if claims is None:
        return Refusal.INCOMPLETE
    if payload.get("iss") != issuer:
        return Refusal.FOREIGN_ISSUER
    if at + CLOCK_SLACK < max(claims.issued_at, _moment(payload.get("nbf")) or claims.issued_at):
        return Refusal.NOT_YET_VALID
    if at >= claims.expires_at:
        return Refusal.EXPIRED
    return claims


def _payload(token: bytes, key: RSAPublicKey) -> Mapping[str, object] | Refusal:
    if len(token) > LONGEST or token.count(b".") != 2:
        return Refusal.MALFORMED
    try:
        # The algorithm is ours to choose, never the token's: otherwise "none" needs no key,
        # and HS512 takes our public key for a secret. Moments are compared by `verify`,
        # since the library would ask the system for the time.
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            options={
                "verify_signature": True,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except jwt.InvalidAlgorithmError:
        return Refusal.FOREIGN_ALGORITHM
    except jwt.InvalidSignatureError:
        return Refusal.BAD_SIGNATURE
    except jwt.InvalidTokenError:
        return Refusal.MALFORMED


def _claims(payload: Mapping[str, object]) -> Claims | None:
    subject, session = payload.get("sub"), payload.get("sid")
    issued_at, expires_at = _moment(payload.get("iat")), _moment(payload.get("exp"))
    if not isinstance(subject, str) or not isinstance(session, str):
        return None
    if issued_at is None or expires_at is None or _moment(payload.get("nbf")) is None:
        return None
    return Claims(subject, session, issued_at, expires_at)


def _moment(value: object) -> datetime | None:
    # A number beyond the calendar would be signed by our key, so cannot come from outside;
    # yet a crash of ours should not depend on that.
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**33:
        return datetime.fromtimestamp(value, UTC)
    return None
