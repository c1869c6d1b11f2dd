"""Whether a node can do its work."""

import asyncio
from collections.abc import Callable

import pytest
import structlog

from hermetic.errors import Unavailable
from hermetic.node.health import Health


class Part:
    """A part of the node that answers as it is told."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs = False
        self.asked = asyncio.Event()

    async def __call__(self) -> None:
        self.asked.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error


async def started(part: Part, *, deadline_s: float = 1.0, period_s: float = 0.5) -> Health:
    """Return the health of a node with one *part*, asked once."""
    health = Health({"part": part}, deadline_s=deadline_s, period_s=period_s)
    await health.check()
    return health


async def test_a_node_nobody_has_asked_is_not_ready() -> None:
    assert not Health({"part": Part()}).ready


async def test_a_node_whose_parts_answer_is_ready() -> None:
    health = await started(Part())
    assert health.ready
    assert [one.name for one in health.findings()] == ["node", "part"]


async def test_a_part_that_does_not_count_is_told_and_leaves_it_ready() -> None:
    failing = Part()
    failing.error = Unavailable("The database is away.")
    health = Health({"part": Part()}, advisory={"database": failing})
    await health.check()
    assert health.ready
    told = {one.name: (one.passed, one.counts) for one in health.findings()}
    assert told == {"node": (True, True), "part": (True, True), "database": (False, False)}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unavailable("No worker answers."), "No worker answers."),
        (ZeroDivisionError("secret"), "It failed; the node's log says why."),
    ],
)
async def test_a_part_that_fails_makes_it_unready(error: Exception, text: str) -> None:
    part = Part()
    part.error = error
    health = await started(part)
    assert not health.ready
    assert health.findings()[1].text == text


async def test_a_part_that_hangs_makes_it_unready() -> None:
    part = Part()
    part.hangs = True
    health = await started(part, deadline_s=0.01)
    assert not health.ready
    assert health.findings()[1].text == "No answer within 0.01 s."


async def test_it_becomes_ready_again() -> None:
    part = Part()
    part.error = Unavailable("Gone.")
    health = await started(part)
    part.error = None
    await health.check()
    assert health.ready


async def test_a_node_that_drains_is_unready_whatever_its_parts_say() -> None:
    health = await started(Part())
    health.drain()
    assert not health.ready
    assert health.findings()[0].text == "The node is stopping."


async def test_old_answers_are_worth_nothing() -> None:
    health = await started(Part(), period_s=0.0, deadline_s=0.0)
    await turned(lambda: not health.ready)
    assert "Nothing was asked" in health.findings()[1].text


async def test_parts_are_asked_again_and_again_until_it_stops() -> None:
    part = Part()
    health = Health({"part": part}, period_s=0.001)
    await health.start()
    for _ in range(3):
        part.asked.clear()
        async with asyncio.timeout(10):
            await part.asked.wait()
    await health.stop()
    part.asked.clear()
    await health.stop()
    assert not part.asked.is_set()


async def test_workers_that_die_are_noticed() -> None:
    part = Part()
    health = Health({"part": part})
    await health.start()
    part.error = Unavailable("All workers are dead.")
    async with asyncio.timeout(10):
        await turned(lambda: not health.ready)
    await health.stop()


async def test_a_change_of_readiness_is_one_line() -> None:
    part = Part()
    health = await started(part)
    part.error = Unavailable("Gone.")
    with structlog.testing.capture_logs() as lines:
        await health.check()
        await health.check()
    assert [(one["event"], one["ready"]) for one in lines] == [("node.readiness", False)]


async def turned(condition: Callable[[], bool]) -> None:
    """Return once *condition* holds, letting the loop turn in between."""
    loop = asyncio.get_running_loop()
    while not condition():
        turn = loop.create_future()
        loop.call_later(0.001, turn.set_result, None)
        await turn
