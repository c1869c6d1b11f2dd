"""The life of one credential: *issued → presented → renewed → replaced*.

A `Renewal` keeps one entry of a store fit to be presented.  It writes the store and nothing
else: who presents the credential watches the store's folder.  Whatever fails, the last good
pair stays where it is, and the next try is planned by the time that is left.

Times are compared with the clock at every wake, and none is longer than a minute: the timer of
an event loop stands still while a laptop sleeps, and knows nothing of a clock that was set.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Never, Protocol

from hermetic.certificates import signing
from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, PrivateKey, generate
from hermetic.certificates.names import PresentedName
from hermetic.certificates.renewal import Stage, due_at, stage
from hermetic.certificates.roles import Role, check
from hermetic.certificates.trouble import Trouble, retry_after
from hermetic.certstore.store import CertificateStore
from hermetic.clock import Clock, system_clock
from hermetic.errors import (
    CertificateRejected,
    HermeticError,
    NotFound,
    Unreachable,
)
from hermetic.issuers.advice import Advice
from hermetic.issuers.issuer import Issuer
from hermetic.log import logger

_WAKE = timedelta(seconds=60)
_ISSUE_WITHIN = timedelta(minutes=10)
"""An order at a public CA with DNS propagation takes two or three; and a second CA may be asked."""

_LATE = 20
"""A renewal this part of a life behind its time is for a person to look at, as two failures are."""

log = logger(__name__)


class Reason(StrEnum):
    """Why a new credential is asked for."""

    MISSING = "missing"
    DUE = "due"
    ASKED = "asked"
    NAMES_CHANGED = "names-changed"
    """The host got another name or address."""
    WRONG_ROLE = "wrong-role"
    FOREIGN_ISSUER = "foreign-issuer"
    """Clients that trust the issuer would refuse it."""
    NOT_YET_VALID = "not-yet-valid"
    """The clock was set back behind its beginning: whoever has the same time refuses it."""


@dataclass(frozen=True)
class Standing:
    """How one credential stands, for `hermetic certificate list` and the metrics.

    Everything of the certificate is None while there is none.
    """

    entry: str
    names: tuple[str, ...]
    serial: int | None
    not_after: datetime | None
    next_at: datetime | None
    """When it is tried next; None before the first turn."""
    failures: int
    """How often it failed since it last succeeded."""
    last_error: str | None


class Pending(Protocol):
    """Keeps the key of what is being issued, for as long as that takes; every method blocks.

    An order that a crash, a full disk or another node's turn cut short is gone on with by the same
    key: what was issued already is fetched, and nothing is ordered twice.
    """

    def read(self) -> PrivateKey | None:
        """Return the key that waits; `None` if none does."""
        ...

    def write(self, key: PrivateKey) -> None:
        """Keep *key*, durably, in place of what waited."""
        ...

    def clear(self) -> None:
        """Forget the key."""
        ...


class Renewal:
    """Keeps one entry of a store fit to be presented, for as long as `run` runs."""

    def __init__(
        self,
        store: CertificateStore,
        entry: str,
        issuer: Issuer,
        names: Sequence[str],
        role: Role,
        clock: Clock = system_clock,
        luck: Callable[[], float] = random.random,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Prepare the renewal of *entry*; nothing happens before `credential` or `run`.

        Args:
            names: What the leaf is to say; a stored one that says something else is replaced.
            luck: Where in a spread to fall, from 0 to 1.
            pause: Waits for some seconds of the event loop's time.
        """
        self._store, self._entry, self._issuer = store, entry, issuer
        self._names, self._role = tuple(names), role
        self._clock, self._luck, self._pause = clock, luck, pause
        self.pending: Pending | None = None
        """Where the key waits while something is issued; nowhere without it."""
        self._advice = Advice(issuer, clock, luck)
        self._alone = asyncio.Lock()
        self._credential: Credential | None = None
        self._in_hand: Credential | None = None
        self._due_at: datetime | None = None
        self._trouble: Trouble | None = None
        self._told = Stage.FRESH

    async def credential(self) -> Credential:
        """Return a credential to present: the stored one if it is fit, else a new one.

        If a new one cannot be had, the stored one has to do as long as it has not expired.
        Raises what the issuer or the store raised if there is nothing to present.
        """
        async with self._alone:
            error = await self._attempt()
            kept = self._credential
            if kept is not None and self._clock() <= kept.chain.not_after:
                return kept
            return self._presentable(error)

    async def renew_now(self) -> Credential:
        """Issue a new credential whether or not one is due, store it and return it.

        Raises what the issuer or the store raises; the last good pair is kept then.
        """
        async with self._alone:
            error = await self._attempt(Reason.ASKED)
            return self._presentable(error)

    async def run(self) -> Never:
        """Keep the credential fit until cancelled."""
        while True:
            await self.turn()
            await self._pause(self._wait_s())

    async def turn(self) -> None:
        """Do once what `run` does again and again."""
        async with self._alone:
            if self._trouble is None or self._trouble.is_over(self._clock()):
                await self._take_advice()
                await self._attempt()
            self._tell_what_is_left()

    @property
    def next_at(self) -> datetime | None:
        """When it is tried next; None before the first turn."""
        return self._due_at if self._trouble is None else self._trouble.retry_at

    @property
    def doing(self) -> str:
        """What the issuer does or waits for now; "" for nothing."""
        return self._issuer.doing

    @property
    def last_error(self) -> str | None:
        """Why the last try failed; `None` if it did not."""
        return None if self._trouble is None else self._trouble.text

    @property
    def standing(self) -> Standing:
        """How the credential stands now."""
        chain = None if self._credential is None else self._credential.chain
        return Standing(
            entry=self._entry,
            names=self._names if chain is None else chain.names,
            serial=None if chain is None else chain.serial,
            not_after=None if chain is None else chain.not_after,
            next_at=self.next_at,
            failures=0 if self._trouble is None else self._trouble.failures,
            last_error=self.last_error,
        )

    def _presentable(self, error: Exception | None) -> Credential:
        if error is not None:
            raise error
        if self._credential is None:  # an attempt without an error has left one
            raise NotFound(f"There is no credential {self._entry!r}.")
        return self._credential

    async def _attempt(self, reason: Reason | None = None) -> Exception | None:
        """Renew for *reason*, or for whatever the stored credential gives; return what failed."""
        try:
            stored = await self._stored()
            reason = reason or self._reason(stored)
            if reason is not None:
                await self._renew(reason)
        except Exception as error:
            # The border of a renewal turn: whatever an issuer or a disk comes up with must not
            # end the loop, for nobody else would renew.
            self._fail(error)
            return error
        self._trouble, self._told = None, Stage.FRESH
        return None

    async def _stored(self) -> Chain | None:
        """Return what is in the store now: another process may have renewed or imported it."""
        try:
            credential = await asyncio.to_thread(self._store.read, self._entry)
        except NotFound:
            return None
        known = self._credential
        if known is None or known.chain.sha256 != credential.chain.sha256:
            self._due_at = due_at(credential.chain, luck=self._luck())
            self._credential = credential
        return credential.chain

    async def _take_advice(self) -> None:
        """Move the moment to where the issuer suggests; a start of the node waits for no such word."""
        if self._credential is not None:
            moment = await self._advice.moment(self._credential.chain)
            self._due_at = moment or self._due_at

    def _reason(self, chain: Chain | None) -> Reason | None:
        if chain is None or self._due_at is None:
            return Reason.MISSING
        now = self._clock()
        if now >= self._due_at:
            return Reason.DUE
        if now < chain.not_before:
            return Reason.NOT_YET_VALID
        if self._misses_names(chain):
            return Reason.NAMES_CHANGED
        if not self._issuer.issued(chain):
            return Reason.FOREIGN_ISSUER
        try:
            check(chain, self._role)
        except CertificateRejected:
            return Reason.WRONG_ROLE
        return None

    async def _renew(self, reason: Reason) -> None:
        credential = await self._in_hand_or_issued()
        await asyncio.to_thread(self._store.write, self._entry, credential)
        self._in_hand = None
        if self.pending is not None:
            await asyncio.to_thread(self.pending.clear)
        chain = credential.chain
        now = self._clock()
        # Of a life that its issuer's end cuts short two thirds may be over at once: then half of
        # what is left keeps us from asking without a pause.
        soonest = now + (chain.not_after - now) / 2
        self._credential = credential
        self._due_at = max(due_at(chain, luck=self._luck()), soonest)
        log.info(
            "certificate.renewed",
            entry=self._entry,
            reason=reason.value,
            names=chain.names,
            serial=f"{chain.serial:x}",
            not_after=chain.not_after.isoformat(),
            next_at=self._due_at.isoformat(),
        )

    async def _in_hand_or_issued(self) -> Credential:
        """Return a new credential; one that a full disk did not take is offered again.

        A public CA issues five a week for the same names: a disk that is full for an hour must
        not use them up.
        """
        kept, now = self._in_hand, self._credential
        if kept is not None and self._clock() < due_at(kept.chain, luck=0):
            return kept
        replacing = now.chain if now is not None and self._issuer.issued(now.chain) else None
        key = await self._key()
        try:
            async with asyncio.timeout(_ISSUE_WITHIN.total_seconds()):
                request = signing.request(key, names=self._names)
                chain = await self._issuer.issue(request, self._role, replacing=replacing)
        except TimeoutError as error:
            raise Unreachable(
                f"The issuer of the credential {self._entry!r} did not answer within"
                f" {_ISSUE_WITHIN.total_seconds():g} s."
            ) from error
        self._check_issued(chain, key)
        self._in_hand = Credential(chain, key)
        return self._in_hand

    async def _key(self) -> PrivateKey:
        """Return the key to have certified: the one that waits, or a new one, which waits then."""
        kept = None
        if self.pending is not None:
            kept = await asyncio.to_thread(self.pending.read)
        if kept is None:
            kept = generate(KeyKind.EC_P256)  # takes 0.02 ms; one of RSA would want a thread
            if self.pending is not None:
                await asyncio.to_thread(self.pending.write, kept)
        return kept

    def _check_issued(self, chain: Chain, key: PrivateKey) -> None:
        """Refuse what would be asked for again at once, or take the place of a better one."""
        check(chain, self._role)
        fits = chain.leaf.public_key() == key.public_key()
        now = self._clock()
        if (
            not fits
            or self._misses_names(chain)
            or not chain.not_before <= now < chain.not_after
            or not self._issuer.issued(chain)
        ):
            raise CertificateRejected(
                "not-as-asked",
                f"The issuer of the credential {self._entry!r} answered with a certificate for"
                f" {', '.join(chain.names)} until {chain.not_after:%Y-%m-%d %H:%M} UTC, which is"
                " not what was asked: another key, other names, out of time or of another root.",
            )

    def _misses_names(self, chain: Chain) -> bool:
        wanted = {PresentedName.parse(name).text for name in self._names}
        return wanted != set(chain.names)

    def _fail(self, error: Exception) -> None:
        now = self._clock()
        failures = 1 if self._trouble is None else self._trouble.failures + 1
        chain = None if self._credential is None else self._credential.chain
        delay = retry_after(
            failures,
            left=None if chain is None else chain.not_after - now,
            luck=self._luck(),
            asked=timedelta(seconds=getattr(error, "retry_after_s", 0)),
        )
        known = isinstance(error, HermeticError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        self._trouble = Trouble(failures, now, now + delay, text)
        tell = log.error if failures > 1 or self._is_late(now) else log.warning
        tell(
            "certificate.renewal_failed",
            entry=self._entry,
            failures=failures,
            text=text,
            not_after=None if chain is None else chain.not_after.isoformat(),
            retry_at=self._trouble.retry_at.isoformat(),
            exc_info=None if known else error,
        )

    def _is_late(self, now: datetime) -> bool:
        if self._credential is None or self._due_at is None:
            return False
        chain = self._credential.chain
        return now > self._due_at + (chain.not_after - chain.not_before) / _LATE

    def _tell_what_is_left(self) -> None:
        """Warn once for each stage of a life that should have been renewed before."""
        if self._trouble is None or self._credential is None:
            return
        chain = self._credential.chain
        reached = stage(chain, self._clock())
        if reached in (Stage.FRESH, self._told):
            return
        self._told = reached
        tell = log.error if reached in (Stage.CRITICAL, Stage.EXPIRED) else log.warning
        tell(
            "certificate.expiring",
            entry=self._entry,
            stage=reached.value,
            not_after=chain.not_after.isoformat(),
        )

    def _wait_s(self) -> float:
        left = _WAKE if self.next_at is None else self.next_at - self._clock()
        return min(max(left.total_seconds(), 1.0), _WAKE.total_seconds())
