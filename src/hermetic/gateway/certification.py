"""The certificates of a node, shown and renewed at an Owner's wish."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hermetic.access.policy import may_administer
from hermetic.access.principals import Principal
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certstore.store import CertificateStore
from hermetic.clock import Clock
from hermetic.errors import BadInput, NotFound, NotPermitted
from hermetic.log import logger

log = logger(__name__)


class Renewable(Protocol):
    """Whoever keeps one entry of the store fit (`node.renewal`)."""

    @property
    def next_at(self) -> datetime | None:
        """When it is tried next; `None` if that is not known yet."""

    @property
    def doing(self) -> str:
        """What is done or waited for now; "" for nothing."""

    @property
    def last_error(self) -> str | None:
        """Why the last try failed; `None` if it did not."""

    async def renew_now(self) -> Credential:
        """Issue and store a new credential; raises what the issuer or the store raises."""


@dataclass(frozen=True)
class CertificateView:
    """One entry: its chain, when it is renewed next, if by itself, why it was not last time, and what is under way."""

    entry: str
    chain: Chain
    next_at: datetime | None
    last_error: str | None = None
    doing: str = ""


class Certification:
    """Shows the certificates of a node, and renews them.

    Args:
        renewals: By entry; what is not in it is not renewed by itself.
        present: Puts a new credential of an entry on the wire; raises if it cannot be served.
    """

    def __init__(
        self,
        store: CertificateStore,
        renewals: Mapping[str, Renewable],
        clock: Clock,
        *,
        present: Callable[[str, Credential], None] = lambda _entry, _credential: None,
    ) -> None:
        self._store, self._renewals, self._clock = store, dict(renewals), clock
        self._present = present

    async def certificates(self, principal: Principal) -> list[CertificateView]:
        """Return all entries by name, or raise `NotPermitted`."""
        _refuse_others(principal)
        return await asyncio.to_thread(self._views)

    async def renew(self, principal: Principal, entry: str) -> CertificateView:
        """Renew *entry* now, and return what is served from this moment.

        Raises:
            NotPermitted: The principal is no Owner.
            NotFound: There is no such entry.
            BadInput: The entry is not renewed here, since others have to learn of it first.
            CertificateRejected: What was issued cannot be served; the last good one still is.
        """
        _refuse_others(principal)
        renewal = self._renewals.get(entry)
        if renewal is None:
            known = await asyncio.to_thread(self._store.entries)
            if entry not in known:
                raise NotFound(f"There is no certificate {entry[:80]!r}: there are {_list(known)}.")
            raise BadInput(
                f"The certificate {entry!r} is not renewed here: {_list(self._renewals)} can be."
            )
        credential = await renewal.renew_now()
        self._present(entry, credential)
        log.info("certificate.renewed_on_request", entry=entry, account=principal.name)
        return CertificateView(entry, credential.chain, renewal.next_at)

    def seconds_left(self) -> dict[str, float]:
        """Return the seconds until each certificate ends, by entry; reads the store."""
        now = self._clock()
        return {one.entry: (one.chain.not_after - now).total_seconds() for one in self._views()}

    def _views(self) -> list[CertificateView]:
        return [self._view(entry) for entry in sorted(self._store.entries())]

    def _view(self, entry: str) -> CertificateView:
        chain, renewal = self._store.read(entry).chain, self._renewals.get(entry)
        if renewal is None:
            return CertificateView(entry, chain, None)
        return CertificateView(entry, chain, renewal.next_at, renewal.last_error, renewal.doing)


def _refuse_others(principal: Principal) -> None:
    if not may_administer(principal):
        raise NotPermitted("Only an Owner may see and renew the certificates of a node.")


def _list(entries: Iterable[str]) -> str:

    return ", ".join(map(repr, sorted(entries))) or "none"
