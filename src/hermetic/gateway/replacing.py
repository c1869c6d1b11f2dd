"""The root of our authority is replaced: prepared, acknowledged by all, activated, retired.

The next root signs nothing before every node that verifies has said that it trusts it.  Nodes that
were not heard of for a day are not waited for: what they present has ended, and when they come back
they are told first.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Never

from cryptography import x509

from hermetic.access.policy import may_administer
from hermetic.access.principals import Principal
from hermetic.certificates.chain import Chain
from hermetic.clock import Clock
from hermetic.errors import Conflict, HermeticError, NotPermitted
from hermetic.issuers.authority import Authority
from hermetic.issuers.roots import Hierarchy, Roots
from hermetic.log import logger
from hermetic.registry.enrolments import Enrolment, Enrolments

SILENT = timedelta(days=1)
"""Who was not heard of for so long is not waited for."""
SETTLED = timedelta(seconds=15)
"""So long the processes of this home take at most to trust what was prepared."""
_LOOK_S = 1.0

log = logger(__name__)


@dataclass(frozen=True)
class AuthorityView:
    """An authority as an Owner sees it.

    Args:
        state: `steady`, `prepared` (the next root waits for those in `waiting_for`) or
            `replaced` (the former root is still trusted).
    """

    state: str
    hierarchy: Hierarchy
    waiting_for: tuple[Enrolment, ...]


class Replacing:
    """Replaces the root, for Owners; `run` takes the step that waits for the others."""

    def __init__(
        self,
        authority: Authority,
        enrolments: Enrolments,
        clock: Clock,
        *,
        settled: timedelta = SETTLED,
        look_s: float = _LOOK_S,
    ) -> None:
        self._authority, self._enrolments, self._clock = authority, enrolments, clock
        self._settled, self._look_s = settled, look_s
        self._seen: tuple[str, datetime] | None = None

    async def view(self, principal: Principal) -> AuthorityView:
        """Return how the authority stands; raises `NotPermitted`."""
        _refuse_others(principal)
        return await self._view()

    async def prepare(self, principal: Principal) -> AuthorityView:
        """Make the next root; it signs once all who verify trust it.

        Raises:
            NotPermitted: The principal is no Owner.
            Conflict: The last one that was replaced has not been retired.
        """
        _refuse_others(principal)
        await self._authority.change(Roots.prepare)
        log.info("authority.replacing", by=principal.name)
        return await self._view()

    async def retire(self, principal: Principal, *, force: bool = False) -> AuthorityView:
        """Let nobody trust the former root any longer.

        Args:
            force: Also while certificates that only it vouches for are alive, or not everybody
                trusts the present one.

        Raises:
            NotPermitted: The principal is no Owner.
            Conflict: There is no former root, or it is still needed.
        """
        _refuse_others(principal)
        former = self._authority.hierarchy.previous
        if former is not None and not force:
            left = await self._lagging(self._authority.hierarchy.root.chain.leaf)
            if left:
                raise Conflict(
                    f"{_named(left)} do not trust the present root yet: wait, or say --force."
                )
            await self._refuse_while_used()
        await self._authority.change(Roots.retire)
        log.info("authority.former_retired", by=principal.name)
        return await self._view()

    async def run(self) -> Never:
        """Let the next root sign once it may, until cancelled."""
        while True:
            try:
                await self.go_on()
            except HermeticError as error:
                log.warning("authority.not_replaced", text=error.text)
            await asyncio.sleep(self._look_s)

    async def go_on(self) -> bool:
        """Activate the next root if all who verify trust it; return whether that was done."""
        coming = self._authority.hierarchy.next
        if coming is None:
            self._seen = None
            return False
        now = self._clock()
        if self._seen is None or self._seen[0] != coming.chain.sha256:
            self._seen = coming.chain.sha256, now
        if now - self._seen[1] < self._settled or await self._lagging(coming.chain.leaf):
            return False
        await self._authority.change(Roots.activate)
        return True

    async def _view(self) -> AuthorityView:
        found = self._authority.hierarchy
        if found.next is not None:
            return AuthorityView("prepared", found, await self._lagging(found.next.chain.leaf))
        return AuthorityView("steady" if found.previous is None else "replaced", found, ())

    async def _lagging(self, root: x509.Certificate) -> tuple[Enrolment, ...]:
        """Return who verifies, was heard of lately, and does not trust *root* yet."""
        sha256, since = Chain((root,)).sha256, self._clock() - SILENT
        return tuple(
            one
            for one in await self._enrolments.all()
            if one.ended_at is None
            and one.seen_at is not None
            and one.seen_at >= since
            and sha256 not in one.holds
        )

    async def _refuse_while_used(self) -> None:
        leaf = self._authority.hierarchy.intermediate.chain.leaf
        until = leaf.not_valid_before_utc + SILENT + timedelta(minutes=10)
        if self._clock() < until:
            raise Conflict(
                "Certificates that the former root vouches for are renewed within a day of the"
                f" replacement, that is until {until:%Y-%m-%d %H:%M} UTC: wait, or say --force."
            )


def _named(left: Sequence[Enrolment]) -> str:
    return ", ".join(one.names[0] for one in left[:5]) + (" and others" if len(left) > 5 else "")


def _refuse_others(principal: Principal) -> None:
    if not may_administer(principal):
        raise NotPermitted("Only an Owner replaces the root of the authority.")
