"""Nonces that every node can check, and that are taken once (RFC 8555, 6.5).

What is given out is not kept: a nonce says when it was made, and a secret of the installation
stands behind it.  What was used is kept until it would be too old anyway.
"""

import hmac
import secrets
from datetime import UTC, datetime, timedelta

from jwt.utils import base64url_decode, base64url_encode

from hermetic.clock import Clock
from hermetic.errors import RefusedByIssuer
from hermetic.gateway.certifying import refused
from hermetic.registry.enrolments import SpentNonces

LIFE = timedelta(minutes=10)
_AHEAD = timedelta(minutes=5)  # of a node's clock that made it
_CHANCE, _TIME, _MAC = 12, 8, 16


class Nonces:
    """Makes nonces and takes them."""

    def __init__(self, secret: bytes, spent: SpentNonces, clock: Clock) -> None:
        self._secret, self._spent, self._clock = secret, spent, clock

    def new(self) -> str:
        """Return a nonce."""
        told = int(self._clock().timestamp()).to_bytes(_TIME, "big") + secrets.token_bytes(_CHANCE)
        return base64url_encode(told + self._mac(told)).decode()

    def check(self, nonce: str) -> datetime:
        """Refuse what was not made here, or is too old; return until when it is good.

        Costs no more than a hash: whoever asks has not proved anything yet.
        """
        until = self._until(nonce)
        if until is None:
            raise _refused()
        return until

    async def take(self, nonce: str) -> None:
        """Refuse what `check` refuses, and what was taken before."""
        if not await self._spent.spend(nonce, self.check(nonce)):
            raise _refused()

    def _until(self, nonce: str) -> datetime | None:
        try:
            raw = base64url_decode(nonce)
        except ValueError:
            return None
        told, mac = raw[: _TIME + _CHANCE], raw[_TIME + _CHANCE :]
        whole = len(raw) == _TIME + _CHANCE + _MAC
        if not whole or not hmac.compare_digest(mac, self._mac(told)):
            return None
        if base64url_encode(raw).decode() != nonce:  # the same bits in other letters
            return None
        made = datetime.fromtimestamp(int.from_bytes(told[:_TIME], "big"), UTC)
        now = self._clock()
        return made + LIFE if made - _AHEAD <= now <= made + LIFE else None

    def _mac(self, told: bytes) -> bytes:
        return hmac.digest(self._secret, b"nonce " + told, "sha256")[:_MAC]


def _refused() -> RefusedByIssuer:
    return refused("badNonce", "The nonce is not good, or no longer: take another.", 400)
