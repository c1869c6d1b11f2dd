"""What a compute node tells of itself."""

from datetime import UTC, datetime

from hermetic.clock import TurnedClock
from hermetic.compute.standing import Standing
from hermetic.node.health import Health
from tests.support.execution import InstantExecution

CLOCK = TurnedClock(datetime(2026, 1, 1, tzinfo=UTC))


async def test_it_tells_its_pool_its_clock_and_its_version() -> None:
    execution = InstantExecution()
    health = Health({"workers": execution.probe})
    await health.check()
    told = Standing(health, execution.capacity, CLOCK, "1.2", CLOCK())()
    assert told.status_code == "pass"
    assert told.details["pythonMaxPoolSize"] == 2
    assert told.details["unixTimeMs"] == 1767225600000
    assert told.details["version"] == "1.2"


async def test_a_check_that_fails_is_named() -> None:
    execution = InstantExecution()
    execution.alive = False
    health = Health({"workers": execution.probe})
    await health.check()
    told = Standing(health, execution.capacity, CLOCK, "1.2", CLOCK())()
    assert (told.status_code, told.details["failed"]) == ("fail", "workers: No worker answers.")
