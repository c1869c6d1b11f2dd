"""A renewal on a bench: its issuer fails as it is told to, its clock is turned."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import KeyKind, PublicKey
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import leaf, requested_key
from hermetic.certstore.files import FileStore
from hermetic.certstore.store import CertificateStore
from hermetic.clock import TurnedClock
from hermetic.errors import (
    NotFound,
)
from hermetic.issuers.authority import LEAF_LIFE, Authority
from hermetic.issuers.issuer import Suggestion
from hermetic.node.renewal import Renewal
from tests.support.authority import opened
from tests.support.certificates import key_of
from tests.support.disks import SleeplessDisk

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3600, 86400))

Answer = Callable[[PublicKey, PublicKey], tuple[PublicKey, list[str], Role, datetime]]
"""What is signed, and when, instead of what was asked: by the key asked for and another."""


class Issuing:
    """An issuer that a test can let fail, hang or answer something else."""

    def __init__(self, authority: Authority, keys: FileStore, clock: TurnedClock) -> None:
        self._authority, self._keys, self._clock = authority, keys, clock
        self.asked: list[datetime] = []
        self.failing: Exception | None = None
        self.hangs = False
        self.answer: Answer | None = None
        self.trusted = True
        self.suggestion: Suggestion | Exception | None = None
        self.replaced: list[Chain | None] = []
        self.doing = ""

    async def issue(
        self,
        request: x509.CertificateSigningRequest,
        role: Role,
        *,
        replacing: Chain | None = None,
    ) -> Chain:
        self.asked.append(self._clock.now)
        self.replaced.append(replacing)
        if self.hangs:
            await asyncio.Event().wait()
        if self.failing is not None:
            raise self.failing
        if self.answer is not None:
            other = key_of(KeyKind.EC_P256).public_key()
            key, names, role, now = self.answer(requested_key(request), other)
            above = self._keys.read("intermediate")
            return leaf(above, key, names=names, role=role, now=now, life=LEAF_LIFE)
        return await self._authority.issue(request, role)

    async def suggested(self, chain: Chain) -> Suggestion | None:
        if isinstance(self.suggestion, Exception):
            raise self.suggestion
        return self.suggestion

    def issued(self, chain: Chain) -> bool:
        return self.trusted and self._authority.issued(chain)


class Memory:
    """A `CertificateStore` without a disk, so that a year takes a second."""

    def __init__(self) -> None:
        self._kept: dict[str, Credential] = {}
        self.written: list[Credential] = []

    def entries(self) -> tuple[str, ...]:
        return tuple(sorted(self._kept))

    def read(self, entry: str) -> Credential:
        if entry not in self._kept:
            raise NotFound(entry)
        return self._kept[entry]

    def write(self, entry: str, credential: Credential) -> None:
        self._kept[entry] = credential
        self.written.append(credential)

    def folder(self, entry: str) -> Path:
        raise NotFound(entry)

    def exclusive(self, entry: str) -> AbstractContextManager[None]:
        return nullcontext()


class Bench:
    """A store, an authority and a clock to turn; what a renewal needs."""

    def __init__(self, folder: Path, life: timedelta = LEAF_LIFE) -> None:
        self.clock = TurnedClock(NOW - 3 * DAY)
        self.folder = folder
        self.store = FileStore(folder / "certificates", disk=SleeplessDisk())
        keys = FileStore(folder / "authority", disk=SleeplessDisk())
        self.authority = opened(keys, self.clock, life)
        self.clock.now = NOW
        self.issuer = Issuing(self.authority, keys, self.clock)
        self.pauses: list[float] = []
        self._turned = asyncio.Event()
        self._go_on = asyncio.Event()

    def renewal(
        self,
        *names: str,
        store: CertificateStore | None = None,
        role: Role = Role.API,
        luck: float = 0.5,
    ) -> Renewal:
        return Renewal(
            store or self.store,
            "api",
            self.issuer,
            names or ("localhost", "127.0.0.1"),
            role,
            self.clock,
            lambda: luck,
            self._pause,
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._turned.set()
        await self._go_on.wait()
        self._go_on.clear()

    async def turn_to(self, moment: datetime | None) -> None:
        """Turn the clock to *moment*, and see the renewal through its turn."""
        assert moment is not None
        await self.turn(moment - self.clock())

    async def turn(self, by: timedelta = timedelta()) -> None:
        """Turn the clock, wake the renewal that is running, and wait for the end of its turn."""
        self.clock.advance(by)
        self._turned.clear()
        self._go_on.set()
        async with asyncio.timeout(10):
            await self._turned.wait()

    @asynccontextmanager
    async def running(self, renewal: Renewal) -> AsyncIterator[Renewal]:
        """Run *renewal*, from the end of its first turn."""
        task = asyncio.create_task(renewal.run())
        async with asyncio.timeout(10):
            await self._turned.wait()
        yield renewal
        task.cancel()
        await asyncio.wait([task])
