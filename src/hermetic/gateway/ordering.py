"""Certificates of host names that are ours: had from an issuer, and when the next one is due.

Nothing is kept or presented here; whoever holds a certificate keeps its `Due` beside it.
"""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import generate
from hermetic.certificates.renewal import due_at
from hermetic.certificates.roles import Role, check
from hermetic.certificates.trouble import Trouble, retry_after
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected, HermeticError, Unreachable
from hermetic.issuers.advice import Advice
from hermetic.issuers.issuer import Issuer

_WITHIN = timedelta(minutes=10)  # as `node.renewal`: a public CA waits for the DNS


@dataclass
class Due:
    """When a certificate is to be renewed, and what has kept it from that."""

    advice: Advice
    at: datetime
    trouble: Trouble | None = None
    in_hand: Credential | None = field(default=None, repr=False)
    """The next one, as long as its owner could not keep it."""


class Ordering:
    """Has certificates issued by one issuer."""

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer, self._clock = issuer, clock

    async def issued(self, host: str, replacing: Chain | None) -> Credential:
        """Return a new credential for *host*, with a key of its own, in place of *replacing*.

        Raises what the issuer raises, and `Unreachable` if it takes too long.
        """
        key = generate()
        request = signing.request(key, names=(host,))
        known = replacing if replacing is not None and self._issuer.issued(replacing) else None
        try:
            async with asyncio.timeout(_WITHIN.total_seconds()):
                chain = await self._issuer.issue(request, Role.API, replacing=known)
        except TimeoutError as error:
            raise Unreachable(
                f"No certificate for {host} was issued within {_WITHIN.seconds // 60} minutes: the"
                " node's log says what the issuer waited for."
            ) from error
        _refuse_unfit(chain, host, self._clock())
        return Credential(chain, key)

    async def renewed(self, due: Due, host: str, chain: Chain) -> Credential:
        """Return what takes the place of *chain*; raises as `issued`.

        One that its owner could not keep is offered again: a public CA issues few for a name, and
        a full disk must not use them up.
        """
        kept = due.in_hand
        if kept is None or self._clock() >= due_at(kept.chain, luck=0):
            due.in_hand = kept = await self.issued(host, chain)
        return kept

    def due(self, chain: Chain) -> Due:
        """Return when *chain* is to be renewed."""
        advice = Advice(self._issuer, self._clock, random.random)
        return Due(advice, due_at(chain, luck=_luck()))

    def due_of_fresh(self, chain: Chain) -> Due:
        """Return the same for one that was issued now.

        Of a life that is cut short two thirds may be over at once: then half of what is left keeps
        us from asking without a pause.
        """
        now, due = self._clock(), self.due(chain)
        due.at = max(due.at, now + (chain.not_after - now) / 2)
        return due

    async def is_due(self, due: Due, chain: Chain) -> bool:
        """Whether to renew *chain* now, as its issuer advises; a failure is given its time."""
        now = self._clock()
        if due.trouble is not None and not due.trouble.is_over(now):
            return False
        due.at = await due.advice.moment(chain) or due.at
        return now >= due.at or not await asyncio.to_thread(self._issuer.issued, chain)

    def failed(self, due: Due, chain: Chain, error: HermeticError) -> int:
        """Note that *chain* could not be renewed; return how often that was so in a row."""
        now = self._clock()
        failures = 1 if due.trouble is None else due.trouble.failures + 1
        asked = timedelta(seconds=getattr(error, "retry_after_s", 0))
        delay = retry_after(failures, left=chain.not_after - now, luck=_luck(), asked=asked)
        due.trouble = Trouble(failures, now, now + delay, error.text)
        return failures


def _refuse_unfit(chain: Chain, host: str, now: datetime) -> None:
    """Refuse what could not be presented, or would be asked for again at once."""
    check(chain, Role.API)
    if chain.names != (host,) or not chain.not_before <= now < chain.not_after:
        raise CertificateRejected(
            "not-as-asked",
            f"The issuer answered with a certificate for {', '.join(chain.names)[:300]} until"
            f" {chain.not_after:%Y-%m-%d %H:%M} UTC, and not with one for {host} that is good now.",
        )


def _luck() -> float:
    return random.random()  # noqa: S311  # a spread
