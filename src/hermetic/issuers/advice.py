"""What an issuer suggests about the certificate that is presented, asked for now and then.

A suggestion moves the moment of a renewal within bounds, and never keeps one from coming: an
issuer that does not answer, or answers nonsense, is not asked for a while, and that is all.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from hermetic.certificates.chain import Chain
from hermetic.certificates.renewal import due_at
from hermetic.clock import Clock
from hermetic.errors import HermeticError
from hermetic.issuers.issuer import Issuer, Suggestion
from hermetic.log import logger

_WITHIN_S = 30.0
_AFTER_A_FAILURE = timedelta(hours=1)
_WITHOUT_ONE = timedelta(hours=6)
_SHORTEST_LIFE = 50
_LONGEST_REST = timedelta(days=1)

log = logger(__name__)


class Advice:
    """The suggestions of one issuer for one credential, which may change under our hands."""

    def __init__(self, issuer: Issuer, clock: Clock, luck: Callable[[], float]) -> None:
        self._issuer, self._clock, self._luck = issuer, clock, luck
        self._about = ""
        self._fell = 0.0
        self._suggestion: Suggestion | None = None
        self._ask_at: datetime | None = None

    async def moment(self, chain: Chain) -> datetime | None:
        """Return when to renew *chain*, as the issuer suggests; `None` if it does not."""
        if self._about != chain.sha256:
            self._about, self._fell = chain.sha256, self._luck()
            self._suggestion = self._ask_at = None
        now = self._clock()
        # RFC 9773 (4.3): of what has expired nothing is asked.
        if now <= chain.not_after and (self._ask_at is None or now >= self._ask_at):
            await self._ask(chain, now)
        if self._suggestion is None:
            return None
        window = self._suggestion.window
        if window.length <= timedelta():
            return None
        # A server that finds every certificate overdue must not be asked for one a minute.
        rest = min((chain.not_after - chain.not_before) / _SHORTEST_LIFE, _LONGEST_REST)
        moment = due_at(chain, luck=self._fell, suggested=window)
        return max(moment, chain.not_before + rest)

    async def _ask(self, chain: Chain, now: datetime) -> None:
        before = self._suggestion
        try:
            async with asyncio.timeout(_WITHIN_S):
                found = await self._issuer.suggested(chain)
        except (HermeticError, TimeoutError) as error:
            asked = timedelta(seconds=getattr(error, "retry_after_s", 0))
            self._ask_at = now + max(_AFTER_A_FAILURE, asked)
            log.info("certificate.no_suggestion", text=str(error) or type(error).__name__)
            return
        self._suggestion = found
        self._ask_at = now + _WITHOUT_ONE if found is None else found.ask_again_at
        if found is not None and (before is None or before.window != found.window):
            log.info(
                "certificate.renewal_suggested",
                start=found.window.start.isoformat(),
                end=found.window.end.isoformat(),
                sha256=chain.sha256,
            )
