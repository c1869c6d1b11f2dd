"""The listener without TLS."""

import asyncio
import json
import urllib.request

from hermetic.config.sections import Limits
from hermetic.node.metrics import Metrics
from hermetic.node.server import bind
from hermetic.wiring.plain import PlainListener
from tests.support.execution import InstantExecution
from tests.support.wire import echo


async def test_it_serves_until_it_is_told_to_stop() -> None:
    sockets = bind("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    listener = PlainListener(sockets, echo, Limits(), InstantExecution(), Metrics())
    serving = asyncio.create_task(listener.run())

    def ask() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/a", timeout=10) as answer:
            return str(json.load(answer)["path"])

    assert await asyncio.to_thread(ask) == "/a"
    listener.stop()
    await asyncio.wait_for(serving, 10)
