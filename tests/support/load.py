"""Clients that connect without pause, and clients that stay, while certificates change."""

import asyncio
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from cryptography import x509

from tests.support.listening import PATIENCE_S, Peer, Port


@dataclass(frozen=True)
class Handshake:
    """One that succeeded: the serial number it met, and when it began and ended."""

    serial: int
    began: float
    ended: float


@dataclass
class Load:
    """What clients of *port* met; seconds are those of `time.perf_counter`."""

    port: Port
    context: ssl.SSLContext
    handshakes: list[Handshake] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    answers: list[int] = field(default_factory=list)
    _over: bool = False
    _met: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self, *, connecting: int, staying: int) -> AsyncIterator[None]:
        """Keep the clients going until the block ends; one that stays must never be dropped."""
        peers = [await self.port.connect(self.context) for _ in range(staying)]
        self.answers = [0] * staying
        tasks = [asyncio.create_task(self._connect()) for _ in range(connecting)]
        tasks += [asyncio.create_task(self._stay(n, peer)) for n, peer in enumerate(peers)]
        try:
            yield
        finally:
            self._over = True
            await asyncio.gather(*tasks)

    async def meets(self, serial: int) -> float:
        """Wait until *serial* is met, and return when the first handshake with it ended."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for handshake in self.handshakes:
                    if handshake.serial == serial:
                        return handshake.ended
                self._met.clear()
                await self._met.wait()

    async def goes_on(self, count: int) -> None:
        """Wait until *count* more handshakes have succeeded."""
        goal = len(self.handshakes) + count
        async with asyncio.timeout(PATIENCE_S):
            while len(self.handshakes) < goal:
                self._met.clear()
                await self._met.wait()

    def stale(self, serials: list[int]) -> int:
        """Count the handshakes that began after a newer one had ended; *serials* oldest first."""
        stale, newest = 0, {serial: number for number, serial in enumerate(serials)}
        for one in self.handshakes:
            before = [newest[h.serial] for h in self.handshakes if h.ended < one.began]
            stale += bool(before) and max(before) > newest[one.serial]
        return stale

    async def _connect(self) -> None:
        while not self._over:
            began = time.perf_counter()
            try:
                peer = await self.port.connect(self.context)
            except (OSError, TimeoutError) as error:
                self.failures[repr(error)] += 1
                continue
            presented = peer.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            serial = x509.load_der_x509_certificate(presented).serial_number
            self.handshakes.append(Handshake(serial, began, time.perf_counter()))
            self._met.set()
            if await peer.ask(b"hello") != b"hellohello":
                self.failures["no answer"] += 1
            await peer.close()

    async def _stay(self, number: int, peer: Peer) -> None:
        while not self._over:
            await peer.ask(b"still there?")
            self.answers[number] += 1
        await peer.close()
