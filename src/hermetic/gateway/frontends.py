"""Front ends: the host names a web node answers to, each sealed in its own way.

Who owns a front end keeps what is said of it here: this module has certificates issued or checked,
presents them, and renews those that are ours to renew.  What an owner gave is never replaced, and
no certificate is given up before the next one is there.
"""

import asyncio
import secrets
import string
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Never, Protocol

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.importing import Known, Wanted, judge
from hermetic.certificates.names import ServerName
from hermetic.certificates.reading import read
from hermetic.certificates.renewal import Stage, stage
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected, Conflict, HermeticError
from hermetic.gateway.ordering import Due, Ordering
from hermetic.issuers.issuer import Issuer
from hermetic.log import logger
from hermetic.serving.frontend import (
    SUFFIX_LENGTH,
    UNSEALED,
    Asked,
    FrontEndTls,
    Needed,
    TlsState,
    Zone,
    decide,
)
from hermetic.tls.by_name import ByName

_LOOK_S = 30.0
_CHARACTERS = string.ascii_lowercase + string.digits

log = logger(__name__)

Keep = Callable[[str, Credential], Awaitable[None]]
"""Keeps a renewed credential of the front end of that name, before it is presented."""


class Names(Protocol):
    """Lets host names lead somewhere, in the DNS."""

    async def lead(self, host: str, address: str) -> None:
        """Let *host* lead to *address*; raises `BadConfiguration`, `Unavailable`."""

    async def forget(self, host: str) -> None:
        """Let *host* lead nowhere; raises as `lead`."""


@dataclass(frozen=True)
class Leading:
    """Who lets names of ours lead to a node, and to which *address*."""

    names: Names
    address: str


@dataclass(frozen=True)
class FrontEnd:
    """A front end: its name among ours, how it is sealed, and with what.

    Args:
        internal: Whether it is reached from within a network alone.
        for_development: Whether a certificate that nobody vouches for will do.
    """

    name: str
    tls: FrontEndTls = UNSEALED
    credential: Credential | None = field(default=None, repr=False)
    internal: bool = False
    for_development: bool = False


@dataclass(frozen=True)
class Change:
    """What is to become of a front end.

    Args:
        issue: Whether the certificate of *after* is still to be had, which takes its time.
    """

    before: FrontEnd
    after: FrontEnd
    issue: bool = False


@dataclass
class _Held:
    front_end: FrontEnd
    keep: Keep
    due: Due | None
    """When its certificate is to be renewed; `None` where that is not ours to do."""
    told: Stage = Stage.FRESH
    """How late it was when that was told last, of a certificate that its owner gave."""


class FrontEnds:
    """The front ends of a web node."""

    def __init__(
        self,
        *,
        zone: Zone,
        issuer: Issuer,
        by_name: ByName,
        known: Callable[[], Known],
        clock: Clock,
        for_development: bool = False,
        leading: Leading | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Hold none yet.

        Args:
            zone: Where names of ours lie.
            issuer: Who certifies those.
            by_name: Presents all of them.
            known: Gives whom this machine believes.
            for_development: Whether certificates that nobody vouches for will do everywhere.
            leading: Lets names of ours lead here; without it that is for somebody else to do.
        """
        self.zone = zone
        self._ordering, self._by_name, self._known = Ordering(issuer, clock), by_name, known
        self._clock, self._pause, self._for_development = clock, pause, for_development
        self.leading = leading
        self._held: dict[str, _Held] = {}
        self._presenting = asyncio.Lock()
        self.is_own: Callable[[str], bool] = lambda _host: False
        """Whether a host name is the node's own, which no front end may take."""

    async def changed(self, now: FrontEnd, asked: Asked) -> FrontEnd:
        """Return what *asked* makes of *now*; raises as `planned` and `done`."""
        return await self.done(await self.planned(now, asked))

    async def planned(self, now: FrontEnd, asked: Asked) -> Change:
        """Return what *asked* would make of *now*; nothing is done, and nobody else asked.

        Raises:
            BadInput: What is asked makes no sense.
            CertificateRejected: What was given cannot be presented; `code` says why.
            Conflict: Another label is in use.
        """
        decision = decide(now.tls, asked, self.zone, _suffix, internal=now.internal)
        fresh = replace(now, tls=decision.tls)
        self._refuse_taken(fresh)
        match decision.needed:
            case Needed.NOTHING:
                return Change(now, fresh)
            case Needed.FORGET:
                return Change(now, replace(fresh, credential=None))
            case Needed.TAKE:
                taken = await asyncio.to_thread(self._taken, fresh, asked)
                return Change(now, replace(fresh, credential=taken))
            case Needed.ISSUE:
                return Change(now, fresh, issue=True)

    async def done(self, change: Change) -> FrontEnd:
        """Return what *change* leads to; nothing is presented before `hold` is told.

        Raises what who sets names raises, and as `issued`; nothing is changed then.
        """
        before, after = change.before, change.after
        if not change.issue:
            return after
        is_same = before.tls.host == after.tls.host
        await self._lead(before.tls, after.tls)
        replacing = before.credential.chain if is_same and before.credential else None
        try:
            issued = await self.issued(after.tls.host, replacing=replacing)
        except (HermeticError, asyncio.CancelledError):
            if not is_same:
                await self._forget(after.tls)
            raise
        return replace(after, credential=issued)

    def _refuse_taken(self, one: FrontEnd) -> None:
        if one.tls.host and self.is_own(one.tls.host):
            raise Conflict(f"{one.tls.host} is this node's own name: choose another one.")
        for other in self.all():
            if one.tls.host and other.tls.host == one.tls.host and other.name != one.name:
                raise Conflict(
                    f"Another front end answers to {one.tls.host} already: choose another name."
                )

    async def hold(self, front_end: FrontEnd, keep: Keep) -> None:
        """Answer to *front_end* from the next handshake on; *keep* is told of renewed ones."""
        before = self._held.get(front_end.name)
        held = _Held(front_end, keep, self._due(front_end, before))
        if before is not None and before.front_end.credential is front_end.credential:
            held.told = before.told
        self._held[front_end.name] = held
        await self._present()
        if before is not None and before.front_end.tls.host != front_end.tls.host:
            await self._forget(before.front_end.tls)

    async def drop(self, name: str) -> None:
        """Answer to the front end *name* no longer."""
        held = self._held.pop(name, None)
        if held is not None:
            await self._present()
            await self._forget(held.front_end.tls)

    def credential(self, name: str) -> Credential | None:
        """Return what the front end *name* presents; `None` if nothing."""
        held = self._held.get(name)
        return held.front_end.credential if held else None

    def all(self) -> Sequence[FrontEnd]:
        """Return all front ends, by name."""
        return [self._held[name].front_end for name in sorted(self._held)]

    async def issued(self, host: str, *, replacing: Chain | None = None) -> Credential:
        """Return a new credential for *host*; raises as `Ordering.issued`."""
        return await self._ordering.issued(host, replacing)

    async def run(self) -> Never:
        """Renew what is due, until cancelled."""
        while True:
            await self.turn()
            await self._pause(_LOOK_S)

    async def turn(self) -> None:
        """Do once what `run` does again and again: renew what is due, the most urgent first.

        An order may take minutes, and what lives a day must not wait for twenty of them.  Of what
        its owner gave is told how late it is.
        """
        for held in self._held.values():
            self._tell_what_is_left(held)
        tried: set[str] = set()
        while (name := await self._most_urgent(tried)) is not None:
            tried.add(name)
            await self._renew(name)

    def trouble(self, name: str) -> str | None:
        """Return why the certificate of the front end *name* could not be renewed, if so."""
        held = self._held.get(name)
        return held.due.trouble.text if held and held.due and held.due.trouble else None

    def _tell_what_is_left(self, held: _Held) -> None:
        """Warn once at each stage of the life of a certificate that only its owner replaces."""
        one = held.front_end
        if one.tls.state is not TlsState.ENABLED or one.credential is None:
            return
        chain = one.credential.chain
        reached = stage(chain, self._clock())
        if reached in (Stage.FRESH, held.told):
            return
        held.told = reached
        tell = log.error if reached in (Stage.CRITICAL, Stage.EXPIRED) else log.warning
        tell(
            "frontend.certificate_expiring",
            name=one.name,
            host=one.tls.host,
            stage=reached.value,
            not_after=chain.not_after.isoformat(),
        )

    async def _lead(self, before: FrontEndTls, after: FrontEndTls) -> None:
        """Let a name of ours lead here before anything is said of it."""
        if self.leading is None or before.host == after.host:
            return
        await self.leading.names.lead(after.host, self.leading.address)
        log.info("frontend.name_set", host=after.host, address=self.leading.address)

    async def _forget(self, tls: FrontEndTls) -> None:
        if self.leading is None or tls.state is not TlsState.AUTO:
            return
        try:
            await self.leading.names.forget(tls.host)
        except HermeticError as error:
            # Nobody answers to it any more, wherever it still leads.
            log.warning("frontend.name_left", host=tls.host, text=error.text)

    def _due(self, front_end: FrontEnd, before: _Held | None) -> Due | None:
        credential = front_end.credential
        if front_end.tls.state is not TlsState.AUTO or credential is None:
            return None
        if before is not None and before.front_end.credential is credential:
            return before.due
        return self._ordering.due(credential.chain)

    async def _most_urgent(self, tried: Set[str]) -> str | None:
        due: list[tuple[datetime, str]] = []
        for name, held in list(self._held.items()):
            one = held.front_end.credential
            if name in tried or held.due is None or one is None:
                continue
            if await self._ordering.is_due(held.due, one.chain):
                due.append((one.chain.not_after, name))
        return min(due)[1] if due else None

    async def _renew(self, name: str) -> None:
        held = self._held.get(name)
        if held is None or held.due is None or held.front_end.credential is None:
            return  # it went while others were looked at
        tls, chain = held.front_end.tls, held.front_end.credential.chain
        try:
            fresh = await self._ordering.renewed(held.due, tls.host, chain)
            now = self._held.get(name)
            if now is None or now.front_end.tls != tls:
                return  # it was changed meanwhile, and has another name or none
            await now.keep(name, fresh)
        except HermeticError as error:
            failures = self._ordering.failed(held.due, chain, error)
            tell = log.error if failures > 1 else log.warning
            tell("frontend.renewal_failed", name=name, host=tls.host, text=error.text)
            return
        kept = self._held.get(name)
        if kept is not None and kept.front_end.credential is fresh:
            kept.due = self._ordering.due_of_fresh(fresh.chain)
        log.info("frontend.renewed", name=name, host=tls.host, serial=f"{fresh.chain.serial:x}")

    def _taken(self, front_end: FrontEnd, asked: Asked) -> Credential:
        """Return the credential that was given, if it may be presented; blocks for a signature."""
        given = f"{asked.certificate or ''}\n{asked.key or ''}".encode()
        lenient = front_end.for_development or self._for_development
        names = (ServerName.parse(front_end.tls.host),)
        wanted = Wanted(names=names, for_development=lenient)
        found = judge(read(given), wanted, self._known(), at=self._clock())
        chain = found.credential.chain
        if found.root is None and not chain.issuers and not lenient:
            raise CertificateRejected(
                "missing-intermediate",
                f"Nobody here knows who issued the certificate of {chain.subject!r}: put the"
                " certificates of its authorities below it in the file, or `hermetic certificate"
                " trust` the one that issued it.",
            )
        for warning in found.warnings:
            log.warning("frontend.certificate", host=front_end.tls.host, text=warning)
        return found.credential

    async def _present(self) -> None:
        async with self._presenting:
            offered: dict[str, Credential] = {}
            hosts: dict[str, str] = {}
            for name, held in self._held.items():
                host, credential = held.front_end.tls.host, held.front_end.credential
                if credential is not None:
                    # By host as well: another name is another certificate, not the next one.
                    offered[f"{name} {host}"], hosts[f"{name} {host}"] = credential, host
            await asyncio.to_thread(self._by_name.present, offered, hosts)


def _suffix() -> str:
    return "".join(secrets.choice(_CHARACTERS) for _ in range(SUFFIX_LENGTH))
