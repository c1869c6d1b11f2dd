"""The certificates of a node, shown and renewed at an Owner's wish."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hermetic.access.policy import may_administer
from hermetic.access.principals import Principal
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certstore.store import CertificateStore
from hermetic.clock import Clock
from hermetic.errors import BadInput, HermeticError, NotFound, NotPermitted
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
class Kept:
    """What an entry is: whose, and who keeps it fit.

    Args:
        role: What its certificate is for.
        source: Where it comes from, in words for a person.
        renewal: Who renews it, if somebody does here.
        read: Where it is read, unless that is the store.
        names: What it is to say, to be shown until there is one.
        chain: What it is at this moment, where that is known already.
        trouble: Why what was offered last is not presented.
    """

    role: str
    source: str
    renewal: Renewable | None = None
    read: Callable[[], Chain] | None = None
    names: tuple[str, ...] = ()
    chain: Chain | None = None
    trouble: str | None = None


@dataclass(frozen=True)
class CertificateView:
    """One entry: what it is, its chain if there is one yet, and what of its renewal is known."""

    entry: str
    kept: Kept
    chain: Chain | None
    next_at: datetime | None = None
    last_error: str | None = None
    doing: str = ""


class Certification:
    """Shows the certificates of a node, and renews them.

    Args:
        kept: By entry; of what lies in the store beside, nothing is known.
        present: Puts a new credential of an entry on the wire; raises if it cannot be served.
    """

    def __init__(
        self,
        store: CertificateStore,
        kept: Mapping[str, Kept],
        clock: Clock,
        *,
        present: Callable[[str, Credential], None] = lambda _entry, _credential: None,
    ) -> None:
        self._store, self._kept, self._clock = store, dict(kept), clock
        self._present = present
        self.more: Callable[[], Mapping[str, Kept]] = dict
        """Gives entries that come and go by themselves."""

    def add(self, entry: str, kept: Kept) -> None:
        """Show *entry* too, which something else than the listener presents."""
        self._kept[entry] = kept

    async def certificates(self, principal: Principal) -> list[CertificateView]:
        """Return all entries by name, or raise `NotPermitted`."""
        _refuse_others(principal)
        return await asyncio.to_thread(self.views)

    async def renew(self, principal: Principal, entry: str) -> CertificateView:
        """Renew *entry* now, and return what is served from this moment.

        Raises:
            NotPermitted: The principal is no Owner.
            NotFound: There is no such entry.
            BadInput: The entry is not renewed here, since others have to learn of it first.
            CertificateRejected: What was issued cannot be served; the last good one still is.
        """
        _refuse_others(principal)
        kept = self._kept.get(entry)
        if kept is None or kept.renewal is None:
            known = {*self._kept, *self.more(), *await asyncio.to_thread(self._store.entries)}
            if entry not in known:
                raise NotFound(f"There is no certificate {entry[:80]!r}: there are {_list(known)}.")
            renewed = [name for name, one in self._kept.items() if one.renewal is not None]
            raise BadInput(
                f"The certificate {entry!r} is not renewed here: {_list(renewed)} can be."
            )
        credential = await kept.renewal.renew_now()
        self._present(entry, credential)
        log.info("certificate.renewed_on_request", entry=entry, account=principal.name)
        return CertificateView(entry, kept, credential.chain, kept.renewal.next_at)

    def seconds_left(self) -> dict[str, float]:
        """Return the seconds until each certificate in the store ends, by entry; reads the store."""
        now = self._clock()
        ends = {entry: self._store.read(entry).chain.not_after for entry in self._store.entries()}
        return {entry: (end - now).total_seconds() for entry, end in ends.items()}

    def views(self) -> list[CertificateView]:
        """Return all entries by name; blocks for the disk."""
        kept = {**self._kept, **self.more()}
        stored = self._store.entries()
        for entry in stored:
            kept.setdefault(entry, Kept(entry, "this home"))
        return [self._view(entry, kept[entry], stored) for entry in sorted(kept)]

    def _view(self, entry: str, kept: Kept, stored: Sequence[str]) -> CertificateView:
        chain, trouble = kept.chain, kept.trouble
        try:
            if chain is None and trouble is None:
                chain = kept.read() if kept.read is not None else self._store.read(entry).chain
        except HermeticError as error:
            # What is in no store was not issued yet, which is no trouble.
            is_none_yet = isinstance(error, NotFound) and entry not in stored
            trouble = None if is_none_yet else error.text
        by = kept.renewal
        if by is None:
            return CertificateView(entry, kept, chain, last_error=trouble)
        return CertificateView(entry, kept, chain, by.next_at, by.last_error or trouble, by.doing)


def _refuse_others(principal: Principal) -> None:
    if not may_administer(principal):
        raise NotPermitted("Only an Owner may see and renew the certificates of a node.")


def _list(entries: Iterable[str]) -> str:
    return ", ".join(map(repr, sorted(entries))) or "none"
