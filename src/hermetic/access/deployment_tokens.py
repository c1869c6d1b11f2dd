"""What callers of a deployment show: one of two keys, or a token that ends by itself.

Pure: keys, chance and moments come in.  A token is a JWT for one deployment and for nothing else;
the tokens of people are signed for another audience, and neither is taken for the other.
"""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from hermetic.access.tokens import ALGORITHM, CLOCK_SLACK, LONGEST

LIFE = timedelta(hours=12)
REFRESH_AFTER = timedelta(hours=10)
"""From when on a holder should ask for the next one, which the token itself does not say."""

_ISSUER = "hermetic deployments"
_SHORTEST_KEY, _LONGEST_KEY = 8, 512


@dataclass(frozen=True)
class DeploymentKeys:
    """The two keys of a deployment, both good at any time."""

    primary: str = field(repr=False)
    secondary: str = field(repr=False)

    def include(self, shown: str) -> bool:
        """Whether *shown* is one of them; takes the same time for any that is not."""
        sent = shown.encode("utf-8", "surrogatepass")
        found = [hmac.compare_digest(sent, one.encode()) for one in (self.primary, self.secondary)]
        return any(found)


@dataclass(frozen=True)
class DeploymentToken:
    """A token for one deployment, when to ask for the next, and when it ends."""

    token: str = field(repr=False)
    refresh_after: datetime
    expires_at: datetime


def is_fit(key: str) -> bool:
    """Whether *key* may be one that callers show: printable, without spaces, not too short."""
    return (
        _SHORTEST_KEY <= len(key) <= _LONGEST_KEY
        and key.isascii()
        and all("!" <= char <= "~" for char in key)
    )


def sign(deployment: str, key: RSAPrivateKey, *, at: datetime) -> DeploymentToken:
    """Return a token for *deployment* from the moment *at*."""
    issued_at = at.replace(microsecond=0)
    payload = {
        "sub": deployment,
        "iss": _ISSUER,
        "iat": int(issued_at.timestamp()),
        "exp": int((issued_at + LIFE).timestamp()),
    }
    token = jwt.encode(payload, key, algorithm=ALGORITHM)
    return DeploymentToken(token, issued_at + REFRESH_AFTER, issued_at + LIFE)


def holds(token: str, deployment: str, key: RSAPublicKey, *, at: datetime) -> bool:
    """Whether *token* lets its holder call *deployment* at the moment *at*."""
    if len(token) > LONGEST or token.count(".") != 2:
        return False
    try:
        payload = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=_ISSUER,
            # Moments are compared here, since the library would ask the system for the time.
            options={"verify_exp": False, "verify_iat": False, "require": ["sub", "iat", "exp"]},
        )
        begins = datetime.fromtimestamp(int(payload["iat"]), UTC)
        ends = datetime.fromtimestamp(int(payload["exp"]), UTC)
    except (jwt.InvalidTokenError, ValueError, OverflowError):
        return False
    return payload["sub"] == deployment and begins - CLOCK_SLACK <= at < ends
