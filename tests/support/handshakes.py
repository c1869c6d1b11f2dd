"""Clients that keep connecting, and one that stays connected, while certificates change."""

import asyncio
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509


@dataclass
class Watcher:
    """Connects again and again; remembers which certificates it met and what went wrong."""

    port: int
    ca: Path
    serials: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.context = ssl.create_default_context(cafile=str(self.ca))

    async def serial(self) -> int:
        """Make one handshake and return the serial number that was presented."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.context, server_hostname="localhost"
        )
        presented = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        if not answer.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(answer[:60])
        return x509.load_der_x509_certificate(presented).serial_number

    async def run(self) -> None:
        """Connect until told to stop."""
        while not self.stopped:
            try:
                self.serials.append(await self.serial())
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                self.failures.append(repr(error))

    async def until(self, serial: int, *, within_s: float = 10) -> float:
        """Wait until *serial* is presented; return how long that took, in seconds."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        while await self.serial() != serial:
            if loop.time() - start > within_s:
                raise TimeoutError(f"{serial:x} was not presented within {within_s} s")
        return loop.time() - start


@dataclass
class Caller:
    """One keep-alive connection that calls without pause, and must never be dropped."""

    port: int
    ca: Path
    path: str = "/readyz"
    answered: int = 0
    stopped: bool = False

    async def run(self) -> None:
        """Call until told to stop; an end of the connection raises."""
        context = ssl.create_default_context(cafile=str(self.ca))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname="localhost"
        )
        request = f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        while not self.stopped:
            writer.write(request.encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.answered += 1
        writer.close()
