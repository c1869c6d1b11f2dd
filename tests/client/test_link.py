"""The connections to one compute node, against a real one on loopback."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermetic.client.link import Broken, Link, Outcome, Reply, Target, request
from hermetic.wire.placements import placed
from tests.support.computenode import ComputeNode, compute_node
from tests.support.waiting import until
from tests.support.wire import WINE_SERVICE

DIGEST, DOCUMENT = placed(WINE_SERVICE)
PATH = f"/calls/{DIGEST}".encode()
DEADLINE_S = 10


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ComputeNode]:
    async with compute_node(tmp_path) as running:
        await running.placements.place(DIGEST, DOCUMENT)
        yield running


@pytest.fixture
async def link(node: ComputeNode) -> AsyncIterator[Link]:
    link = Link(Target("127.0.0.1", node.port, sealed=False), lambda: None, most=2)
    yield link
    link.close()


def start(link: Link, body: bytes = b'{"x":1}') -> asyncio.Future[Outcome]:
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    link.ask(request(link.target, PATH, body), done.set_result)  # a second end would raise
    return done


async def ask(link: Link, body: bytes = b'{"x":1}') -> Outcome:
    return await asyncio.wait_for(start(link, body), DEADLINE_S)


async def test_a_question_is_answered_with_the_times_of_the_node(link: Link) -> None:
    reply = await ask(link)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.queued_s, reply.executed_s) == (200, 0.001, 0.002)
    assert b'"answer": 1' in reply.body


async def test_one_connection_carries_many_questions(link: Link) -> None:
    for _ in range(10):
        await ask(link)
    assert link.connections == 1


async def test_questions_at_the_same_time_have_connections_of_their_own(
    node: ComputeNode, link: Link
) -> None:
    node.execution.holds = True
    asked = [start(link), start(link)]
    await until(lambda: len(node.execution.held) == 2)
    assert not link.has_room
    node.execution.release()
    node.execution.release()
    assert {type(one) for one in await asyncio.gather(*asked)} == {Reply}
    assert link.has_room


async def test_an_error_of_the_node_is_an_answer(link: Link) -> None:
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    link.ask(request(link.target, b"/calls/none", b"{}"), done.set_result)
    reply = await asyncio.wait_for(done, DEADLINE_S)
    assert isinstance(reply, Reply)
    assert reply.status == 404


async def test_a_node_that_is_not_there_has_not_seen_the_question() -> None:
    link = Link(Target("127.0.0.1", 1, sealed=False), lambda: None)
    broken = await ask(link)
    assert isinstance(broken, Broken)
    assert not broken.sent


async def test_a_question_whose_node_dies_may_have_been_seen(node: ComputeNode, link: Link) -> None:
    node.execution.holds = True
    asked = start(link)
    await node.execution.arrived.wait()
    node.clients.abort()
    broken = await asyncio.wait_for(asked, DEADLINE_S)
    assert isinstance(broken, Broken)
    assert broken.sent


async def test_a_goodbye_closes_idle_connections(node: ComputeNode, link: Link) -> None:
    await ask(link)
    node.clients.drain()
    await until(lambda: link.connections == 0)


async def test_a_question_that_crossed_a_goodbye_is_answered_with_it(
    node: ComputeNode, link: Link
) -> None:
    await ask(link)
    node.clients.drain()
    reply = await ask(link)
    assert isinstance(reply, Reply)
    assert (reply.status, b"draining" in reply.body) == (503, True)
    assert len(node.execution.calls) == 1


async def test_to_give_a_question_up_closes_its_connection(node: ComputeNode, link: Link) -> None:
    await ask(link)
    node.execution.holds = True
    line = link.ask(request(link.target, PATH, b"{}"), lambda outcome: None)
    await until(lambda: len(node.execution.held) == 1)
    line.close()
    await until(lambda: bool(node.execution.abandoned))


async def test_a_closed_link_ends_what_is_under_way(node: ComputeNode, link: Link) -> None:
    node.execution.holds = True
    asked = start(link)
    await node.execution.arrived.wait()
    link.close()
    assert isinstance(await asyncio.wait_for(asked, DEADLINE_S), Broken)
