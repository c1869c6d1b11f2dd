"""What a web node asks of one compute node to run services there: place, try out, probe, tell.

Calls go through `client.link`, sessions through `client.sessions`.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from hermetic.client.asking import STANDSTILL_S, Asker
from hermetic.client.content import PIECE
from hermetic.client.execution import Loaded
from hermetic.wire.messages import CheckResponse, Status, decode

STATUS_S = 2.0
"""How long a node may take to say how it is; one that hangs should be found out soon."""


class ComputeClient:
    """Speaks with one compute node; every method raises what `Asker.ask` does.

    *load_s* is how long a trial load may take.
    """

    def __init__(self, asker: Asker, *, load_s: float = 130.0) -> None:
        self._asker, self._load_s = asker, load_s

    async def place(self, digest: str, document: bytes) -> None:
        """Make a service callable there.

        Raises:
            BundleMissing: Its bundle has to be sent first.
        """
        # Unpacking a bundle of gigabytes takes its time.
        await self._asker.ask(
            "PUT", f"/placements/{digest}", content=document, within_s=STANDSTILL_S
        )

    async def withdraw(self, digest: str) -> None:
        """Let the node forget a service; one that it does not know is no error."""
        await self._asker.ask("DELETE", f"/placements/{digest}")

    async def check(self, digest: str, document: bytes) -> Loaded:
        """Load a service there once; raises what `Execution.check` does, or `BundleMissing`."""
        path = f"/placements/{digest}/check"
        answer = await self._asker.ask("POST", path, content=document, within_s=self._load_s)
        return Loaded(decode(answer, CheckResponse).console_output)

    async def keep(self, digest: str, archive: Path) -> None:
        """Send the bundle that lies at *archive*."""
        size = (await asyncio.to_thread(archive.stat)).st_size
        path = f"/bundles/{digest}"
        await self._asker.ask("PUT", path, content=_pieces(archive), size=size, within_s=None)

    async def probe(self) -> None:
        """Let the node ask a worker of its own a question; raises `Unavailable` if none answers."""
        await self._asker.ask("POST", "/probe")

    async def restart(self) -> None:
        """Let the node finish what it runs, end, and begin again in place."""
        await self._asker.ask("POST", "/restart")

    async def status(self) -> Status:
        """Return what the node says of itself."""
        answer = await self._asker.ask("GET", "/status", within_s=STATUS_S)
        return decode(answer, Status)


async def _pieces(archive: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(archive.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
