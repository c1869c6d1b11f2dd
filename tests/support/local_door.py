"""A compute node's socket, answering in a thread of its own, for commands that are typed here."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermetic.client.local import answers_in
from hermetic.gateway.certification import Certification
from hermetic.http.local import LocalDoor
from hermetic.web.api.certificates import CertificatesApi
from tests.support.waiting import pause


@contextmanager
def answering(home: Path, certification: Certification) -> Iterator[None]:
    """Answer for *certification* at the socket in *home* for the block."""
    began = threading.Event()
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

    async def serve() -> None:
        door = LocalDoor(home, CertificatesApi(certification).endpoints())
        task: asyncio.Task[None] = asyncio.ensure_future(door.run())
        loops.append((asyncio.get_running_loop(), task))
        while not await asyncio.to_thread(answers_in, home):
            await pause(0.01)
        began.set()
        await asyncio.gather(task, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert began.wait(20)
        yield
    finally:
        loop, task = loops[0]
        loop.call_soon_threadsafe(task.cancel)
        thread.join(20)
