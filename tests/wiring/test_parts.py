from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.sections import Limits, Pool
from hermetic.config.settings import Settings
from hermetic.errors import Unavailable
from hermetic.wiring.parts import assembled, limits_of
from tests.support.tokens import signing_key


def test_settings_become_the_limits_of_workers() -> None:
    bounds = Limits(call_seconds=2, worker_memory_bytes=1 << 28, queue_length=7, load_seconds=9)
    limits = limits_of(Pool(initial_size=2, max_size=120), bounds)
    assert (limits.initial, limits.most, limits.queued) == (2, 120, 7)
    assert limits.ceiling >= limits.most
    assert (limits.call_s, limits.load_s, limits.memory) == (2, 9, 1 << 28)


async def test_everything_is_opened_and_closed_again(home: Home) -> None:
    settings = Settings(pool=Pool(initial_size=1))
    async with assembled(home, settings, signing_key(), system_clock) as parts:
        assert await parts.accounts.start() is not None
        await parts.kept.probe()
        await parts.execution.probe()
    refused = False
    try:
        await parts.kept.probe()
    except Unavailable:
        refused = True
    assert refused
