from dataclasses import replace
from datetime import timedelta

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.registry.revisions import Kind
from hermetic.registry.web_nodes import FORGOTTEN_AFTER, WebNode, WebNodes

MINUTE = timedelta(minutes=1)


@pytest.fixture
def nodes(database: Database, clock: TurnedClock) -> WebNodes:
    return WebNodes(database, clock)


@pytest.fixture
def node(clock: TurnedClock) -> WebNode:
    seen = dict(zip(Kind, (1, 2, 3, 2**40), strict=True))
    return WebNode("1", "https://one", "key", "0.1.0", clock.now - MINUTE, clock.now, seen)


async def test_a_node_is_alive_as_it_last_told(nodes: WebNodes, node: WebNode) -> None:
    await nodes.beat(replace(node, url="https://old"))
    await nodes.beat(node)
    other = replace(node, id="0", seen=dict.fromkeys(Kind, 0))
    await nodes.beat(other)
    assert await nodes.alive(MINUTE) == [other, node]


async def test_who_is_silent_is_not_alive(
    nodes: WebNodes, node: WebNode, clock: TurnedClock
) -> None:
    await nodes.beat(node)
    clock.advance(MINUTE)
    assert await nodes.alive(MINUTE) == []
    assert await nodes.alive(2 * MINUTE) == [node]


@pytest.mark.parametrize("skew", [-MINUTE, MINUTE, 10 * MINUTE])
async def test_a_clock_that_is_wrong_shows(
    nodes: WebNodes, node: WebNode, clock: TurnedClock, skew: timedelta
) -> None:
    await nodes.beat(replace(node, beat_at=clock.now + skew))
    (seen,) = await nodes.alive(2 * MINUTE)
    assert seen.beat_at - clock.now == skew


async def test_who_leaves_is_gone_at_once(nodes: WebNodes, node: WebNode) -> None:
    await nodes.beat(node)
    for _ in range(2):
        await nodes.leave(node.id)
    assert await nodes.alive(MINUTE) == []


async def test_who_is_silent_for_long_is_forgotten_by_the_others(
    nodes: WebNodes, node: WebNode, clock: TurnedClock
) -> None:
    await nodes.beat(node)
    clock.advance(FORGOTTEN_AFTER)
    other = replace(node, id="2", beat_at=clock.now)
    await nodes.beat(other)
    assert await nodes.alive(2 * FORGOTTEN_AFTER) == [other]
