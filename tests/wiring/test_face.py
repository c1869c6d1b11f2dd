import asyncio

import pytest

from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.sections import Limits, Pool
from hermetic.config.settings import Settings
from hermetic.errors import BadConfiguration
from hermetic.node.server import bind
from hermetic.wiring.face import Face
from hermetic.wiring.parts import assembled
from hermetic.wiring.presenting import seal
from hermetic.wiring.wish import Wish
from tests.support.tokens import signing_key

WISH = Wish(Role.API, own_names=("localhost",))
SETTINGS = Settings(pool=Pool(initial_size=1), limits=Limits(connections=1))


async def test_it_is_ready_once_every_part_has_answered(home: Home) -> None:
    sealing = await seal(home, WISH, system_clock)
    async with assembled(home, SETTINGS, signing_key(), system_clock) as parts:
        face = Face(SETTINGS.limits, (), sealing, parts.behind(sealing))
        assert not face.health.ready
        async with asyncio.timeout(10):
            while not face.health.ready:
                await face.health.check()
        found = {one.name for one in face.health.findings() if one.passed}
        assert {"workers", "database", "certificate"} <= found


async def test_it_bears_no_more_connections_than_the_settings_say(home: Home) -> None:
    sealing = await seal(home, WISH, system_clock)
    async with assembled(home, SETTINGS, signing_key(), system_clock) as parts:
        face = Face(SETTINGS.limits, (), sealing, parts.behind(sealing))
        sockets = bind("127.0.0.1", 0)
        listener = await face.listen(sockets, face.clients.connect)
        port = sockets[0].getsockname()[1]
        _, first = await asyncio.open_connection("127.0.0.1", port)
        reader, second = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        assert listener.refused["too-many"] == 1
        first.close()
        second.close()
        listener.close()
        await listener.wait_closed()


async def test_a_proxy_that_is_none_keeps_it_from_starting(home: Home) -> None:
    sealing = await seal(home, WISH, system_clock)
    async with assembled(home, SETTINGS, signing_key(), system_clock) as parts:
        with pytest.raises(BadConfiguration, match="would believe everybody"):
            Face(SETTINGS.limits, ("0.0.0.0/0",), sealing, parts.behind(sealing))
