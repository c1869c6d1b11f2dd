from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.sections import Pool
from hermetic.config.settings import Settings
from hermetic.errors import Unavailable
from hermetic.wiring.parts import assembled
from tests.support.tokens import signing_key


async def test_everything_is_opened_and_closed_again(home: Home) -> None:
    settings = Settings(pool=Pool(initial_size=1))
    async with assembled(home, settings, signing_key(), system_clock) as parts:
        assert await parts.offer.accounts.start() is not None
        await parts.kept.probe()
        await parts.execution.probe()
    refused = False
    try:
        await parts.kept.probe()
    except Unavailable:
        refused = True
    assert refused
