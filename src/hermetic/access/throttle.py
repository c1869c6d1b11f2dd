"""How many failed logins are too many.

Pure: moments come in.  An attempt counts as failed from its beginning until it succeeds, so
that a thousand sent together are not all checked before the first has failed.
"""

import hashlib
import ipaddress
import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from hermetic.errors import TooManyAttempts


@dataclass(frozen=True)
class Limits:
    """How many failures within `window` one account, and one address, may have."""

    window: timedelta = timedelta(minutes=5)
    # 10 in five minutes are 2880 guesses a day: nothing against the weakest password allowed.
    per_account: int = 10
    # An office or a proxy shares an address, so it may have more than one person's bad day.
    per_address: int = 30
    # Each name or address ever seen costs about 300 bytes: bounded, the oldest go first.
    remembered: int = 20_000


@dataclass(frozen=True)
class Attempt:
    """A login that has begun."""

    keys: tuple[str, str]
    at: datetime


class Throttle:
    """Counts failed logins by account and by address, in a sliding window."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._failures: OrderedDict[str, list[datetime]] = OrderedDict()

    def begin(self, account: str, address: str, *, now: datetime) -> Attempt:
        """Count one attempt, as failed for the time being.

        Raises:
            TooManyAttempts: There were too many; this one is not counted.
        """
        keys = (_account_key(account), _address_key(address))
        most = (self._limits.per_account, self._limits.per_address)
        waits = [self._wait(key, limit, now) for key, limit in zip(keys, most, strict=True)]
        wait = max(waits)
        if wait > timedelta(0):
            seconds = max(1, math.ceil(wait.total_seconds()))
            raise TooManyAttempts(
                f"Too many failed logins: try again in {seconds} seconds.", retry_after_s=seconds
            )
        for key in keys:
            self._failures.setdefault(key, []).append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > self._limits.remembered:
            self._failures.popitem(last=False)
        return Attempt(keys, now)

    def withdraw(self, attempt: Attempt) -> None:
        """Forget *attempt*: it did not fail, or was never decided."""
        for key in attempt.keys:
            moments = self._failures.get(key, [])
            if attempt.at in moments:
                moments.remove(attempt.at)
            if not moments:
                self._failures.pop(key, None)

    def succeed(self, attempt: Attempt) -> None:
        """Forget all failures of the account, and this attempt of the address.

        The address keeps its other failures: whoever has one account could otherwise guess
        at all others without an end.
        """
        self.withdraw(attempt)
        self._failures.pop(attempt.keys[0], None)

    def __len__(self) -> int:
        return len(self._failures)

    def _wait(self, key: str, most: int, now: datetime) -> timedelta:
        moments = self._failures.get(key)
        if moments is None:
            return timedelta(0)
        moments[:] = [moment for moment in moments if moment > now - self._limits.window]
        if len(moments) < most:
            return timedelta(0)
        return moments[-most] + self._limits.window - now


def _account_key(account: str) -> str:
    # Hashed, since a name may be of any length; folded, since a directory may not tell case.
    return hashlib.sha256(account.casefold().encode("utf-8", "replace")).hexdigest()


def _address_key(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"address {address[:64]}"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return f"address {parsed.ipv4_mapped}"
        # One subscriber holds at least a /64 (RFC 6177), and could take a new address each time.
        return f"address {ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"address {parsed}"
