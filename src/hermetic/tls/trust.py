"""Whom to believe, as it changes: roots, intermediates and revocation lists from a source.

What is in force is one `Trust`, replaced as a whole.  Another one is in force everywhere at once:
for the next handshake, for what a handshake in progress will be judged by, and for connections
that are open.  What cannot be read, or cannot be meant, changes nothing: the last good trust
stays, and the log and `fault` say so.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates import profile
from hermetic.certificates.authorisation import Allowed, Trust
from hermetic.certificates.chain import Chain
from hermetic.certificates.refusal import shown
from hermetic.certificates.revocation import Revocations
from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected, HermeticError, Unavailable
from hermetic.log import logger
from hermetic.tls.peers import Peers
from hermetic.tls.reload import SwappingContext
from hermetic.tls.watch import changes

POLL = timedelta(seconds=1)
"""How often the source is asked without an event: who is removed must be gone in two seconds."""
# A file that is being written looks, for a moment, like one from which authorities were removed;
# a folder that is being replaced, like one that was emptied.
_SETTLING_S = 0.25
# How often to look again at a source that keeps changing.
_TRIES = 4

log = logger(__name__)


class TrustSource(Protocol):
    """Where roots, intermediates and revocation lists are kept.

    All methods block and MAY wait for the disk; they are called in a thread, one at a time.
    What is there and cannot be read or understood MUST be raised as `HermeticError`, and not
    left out: left out, it would look removed.  So `roots` returns none only where there is none.
    """

    def roots(self) -> Sequence[x509.Certificate]:
        """Return the certificates of whom to believe."""
        ...

    def intermediates(self) -> Sequence[x509.Certificate]:
        """Return certificates of authorities that peers may leave out."""
        ...

    def revocation_lists(self) -> Sequence[x509.CertificateRevocationList]:
        """Return the revocation lists; each is enforced."""
        ...

    def digest(self) -> str:
        """Return a word that changes whenever one of the three may; cheap enough for each second.

        It also changes when what could not be read can be read.
        """
        ...


@dataclass(frozen=True)
class _Read:
    """What a source held at one moment."""

    roots: tuple[x509.Certificate, ...]
    intermediates: tuple[x509.Certificate, ...]
    lists: tuple[x509.CertificateRevocationList, ...]
    digest: str
    unusable: tuple[CertificateRejected, ...]
    """Why roots cannot vouch for anybody, one for each that cannot."""

    def point_out(self) -> None:
        """Say which roots are no good, beside others that are."""
        for error in self.unusable:
            log.warning("trust.root_unusable", reason=error.code, text=error.text)


class LiveTrust:
    """The trust that is in force on one side of a node's links, kept up with its source.

    `peers` are the connections it is about.  To be used from the event loop's thread; `judge`
    may be called from any.
    """

    def __init__(
        self,
        source: TrustSource,
        *,
        role: Role,
        clock: Clock,
        allowed: Allowed | None = None,
        require_revocation_lists: bool = False,
        on_change: Callable[[Trust], None] = lambda trust: None,
    ) -> None:
        """Read *source*, which blocks, and begin with what it holds.

        Args:
            source: What to keep up with.
            role: What the certificates to be judged are used for.
            clock: Tells the time to judge for.
            allowed: Who of those that the roots vouch for may come in; None for all.
            require_revocation_lists: Whether who is on no authority's list is refused.
            on_change: Called with each further trust, when it is in force; it must not raise.

        Raises:
            HermeticError: The source cannot be read, or holds nothing usable; there is no last
                good trust to keep.
        """
        self._source, self._clock, self._on_change = source, clock, on_change
        self._contexts: list[SwappingContext] = []
        self._stirred = asyncio.Event()
        found = _read(source, role, clock())
        self.trust = Trust(
            found.roots,
            role,
            found.intermediates,
            Revocations(found.lists, required=require_revocation_lists),
            allowed or Allowed(),
        )
        """What is in force."""
        self.since = clock()
        """The moment from which it is in force."""
        self.changes = 0
        """How often it was replaced."""
        self.fault: HermeticError | None = None
        """Why what the source holds now is not in force; `None` if it is."""
        self._digest = found.digest
        self.peers = Peers(self.trust, clock)
        _tell("trust.loaded", self.trust)
        found.point_out()

    @property
    def authorities_pem(self) -> bytes:
        """The roots and intermediates, as contexts take them; nothing if there is no root."""
        return _pem(self.trust)

    def judge(self, certificates: Sequence[x509.Certificate], name: str | None = None) -> Chain:
        """Judge what a peer shows now, as `Trust.judge` does; a `Judge` for `client_context`."""
        return self.trust.judge(certificates, self._clock(), name=name)

    def admit_through(self, context: SwappingContext) -> None:
        """Let *context*, made with client roots, shake hands with whom the roots vouch for.

        From now on, and as the roots change.
        """
        context.admit(self.authorities_pem)
        self._contexts.append(context)

    def allow(self, allowed: Allowed) -> None:
        """Let in whom *allowed* lets in from now on, and cut off the others, before it returns."""
        self._put_in_force(replace(self.trust, allowed=allowed))

    async def follow(self, *folders: Path, poll: timedelta = POLL) -> None:
        """Keep up with the source until cancelled.

        Args:
            folders: Where something changes when the source does; watched, so that it is seen
                at once.  They may be missing.
            poll: How often to ask the source anyway, and to look for certificates that ended.
        """
        async with asyncio.TaskGroup() as group:
            for folder in folders:
                group.create_task(self._watch(folder))
            group.create_task(self._sweep(poll))
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(poll.total_seconds()):
                        await self._stirred.wait()
                self._stirred.clear()
                await self._keep_up()

    async def _sweep(self, period: timedelta) -> None:
        # Beside the source, and not after it: a disk that hangs must not keep anybody in.
        while True:
            await asyncio.sleep(period.total_seconds())
            self.peers.sweep(self._clock())

    async def _watch(self, folder: Path) -> None:
        async for _ in changes(folder):
            self._stirred.set()

    async def _keep_up(self) -> None:
        try:
            digest = await asyncio.to_thread(self._source.digest)
            if digest == self._digest and self.fault is None:
                return
            await self._settled(digest)
            found = await asyncio.to_thread(_read, self._source, self.trust.role, self._clock())
            self._put_in_force(
                replace(
                    self.trust,
                    roots=found.roots,
                    intermediates=found.intermediates,
                    revocations=replace(self.trust.revocations, lists=found.lists),
                )
            )
        except HermeticError as error:
            self._refuse(error)
            return
        found.point_out()
        if self.fault is not None:
            log.info("trust.recovered", role=self.trust.role.value)
        self._digest, self.fault = found.digest, None

    async def _settled(self, digest: str) -> None:
        """Return once the source has not changed for a moment, or never stops changing."""
        for _ in range(_TRIES):
            await asyncio.sleep(_SETTLING_S)
            before, digest = digest, await asyncio.to_thread(self._source.digest)
            if digest == before:
                return

    def _put_in_force(self, trust: Trust) -> None:
        before = self.trust
        if trust == before:
            return
        if (trust.roots, trust.intermediates) != (before.roots, before.intermediates):
            pem = _pem(trust)
            for context in self._contexts:
                context.admit(pem)
        self.trust, self.since = trust, self._clock()
        self.changes += 1
        _tell("trust.changed", trust, before)
        self.peers.review(trust)
        self._on_change(trust)

    def _refuse(self, error: HermeticError) -> None:
        """Keep what is in force, and say so once for each reason."""
        if self.fault is None or self.fault.text != error.text:
            code = error.code if isinstance(error, CertificateRejected) else error.type
            log.warning(
                "trust.refused", reason=code, text=error.text, in_force_since=self.since.isoformat()
            )
        self.fault = error


def _read(source: TrustSource, role: Role, at: datetime) -> _Read:
    """Return what *source* holds, all of it of one moment.

    Roots none of which can vouch for anybody are refused; without any, the store was emptied.
    """
    digest = source.digest()
    for _ in range(_TRIES):
        before = digest
        roots, intermediates = tuple(source.roots()), tuple(source.intermediates())
        lists = tuple(source.revocation_lists())
        digest = source.digest()
        if digest == before:
            unusable = _unusable(roots, role, at)
            return _Read(roots, intermediates, lists, digest, unusable)
    raise Unavailable("The trusted authorities change faster than they can be read: wait.")


def _unusable(
    roots: Sequence[x509.Certificate], role: Role, at: datetime
) -> tuple[CertificateRejected, ...]:
    found: list[CertificateRejected] = []
    for root in roots:
        try:
            profile.check_authority(root, role, is_root=True)
            profile.check_time(root, at)
        except CertificateRejected as error:
            found.append(error)
    if found and len(found) == len(roots):
        raise CertificateRejected(
            found[0].code,
            f"None of the {len(found)} roots can vouch for anybody: {found[0].text}",
        )
    return tuple(found)


def _pem(trust: Trust) -> bytes:
    # Intermediates alone are no reason to believe anybody.
    authorities = (*trust.roots, *trust.intermediates) if trust.roots else ()
    return b"".join(one.public_bytes(Encoding.PEM) for one in authorities)


def _tell(event: str, trust: Trust, before: Trust | None = None) -> None:
    known = set(before.roots) if before is not None else set()
    log.info(
        event,
        role=trust.role.value,
        roots=len(trust.roots),
        added=[shown(one.subject) for one in trust.roots if one not in known][:10],
        removed=[shown(one.subject) for one in known - set(trust.roots)][:10],
        intermediates=len(trust.intermediates),
        lists=len(trust.revocations.lists),
    )
    if not trust.roots:
        log.warning("trust.nobody", role=trust.role.value)
