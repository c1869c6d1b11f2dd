"""Calls on their way to compute nodes, which run on loopback."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from hermetic.errors import (
    BadInput,
    Busy,
    CertificateRejected,
    DeadlineExceeded,
    Draining,
    ServiceNotFound,
    ServiceUnloadable,
    Unavailable,
    Unreachable,
    WorkerDied,
)
from hermetic.serving.service import Entry, Service, ServiceKey
from tests.support.archives import zipped
from tests.support.forwarding import DEADLINE_S, Forwarded, addresses, forwarded
from tests.support.waiting import until
from tests.support.wire import WINE, WINE_SERVICE

ARCHIVE = zipped({"files/a.txt": b"hello"})
BUNDLE = sha256(ARCHIVE).hexdigest()
TWICE = replace(WINE_SERVICE, idempotent=True)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Forwarded]:
    async with forwarded(tmp_path, 2, service=WINE_SERVICE) as made:
        yield made


async def test_a_call_is_answered_by_a_node_that_was_given_the_service(two: Forwarded) -> None:
    answer = await two.call(WINE)
    assert answer.error is None
    assert b'"answer": 1' in answer.body
    assert (answer.queued_s, answer.executed_s) == (0.001, 0.002)
    assert sum(len(node.placements) for node in two.nodes) == 1


async def test_many_calls_go_to_all_nodes(two: Forwarded) -> None:
    await asyncio.gather(*(two.call(WINE) for _ in range(40)))
    assert min(two.calls()) > 5


async def test_a_node_that_has_more_to_do_gets_fewer_calls(two: Forwarded) -> None:
    for node in two.nodes:
        node.execution.holds = True
    waiting = []
    while not all(two.calls()):  # chance may give the first ones to the same node
        waiting.append(two.start(WINE)[1])
        await until(lambda: sum(two.calls()) == len(waiting))
    two.nodes[1].execution.holds = False
    for _ in list(two.nodes[1].execution.held):
        two.nodes[1].execution.release()
    await until(lambda: two.at(two.nodes[1]).standing.load == 0)
    for _ in range(20):  # one more for the busy node would never end
        assert (await two.call(WINE)).error is None
    for _ in list(two.nodes[0].execution.held):
        two.nodes[0].execution.release()
    await asyncio.gather(*waiting)


async def test_a_bundle_is_sent_once_when_the_first_calls_need_it(
    two: Forwarded, tmp_path: Path
) -> None:
    two.archives[BUNDLE] = tmp_path / "bundle.zip"
    two.archives[BUNDLE].write_bytes(ARCHIVE)
    two.seen.replace(addresses(two.nodes[:1]))
    two.forwarding.place(replace(WINE_SERVICE, bundle=BUNDLE), None)
    answers = await asyncio.gather(*(two.call(WINE) for _ in range(5)))
    assert [one.error for one in answers] == [None] * 5
    assert [path.name for path in (tmp_path / "compute-0/bundles").iterdir()] == [BUNDLE]


async def test_a_service_that_a_node_forgot_is_given_again(two: Forwarded) -> None:
    await two.call(WINE)
    for node in two.nodes:
        await node.placements.sweep(1e6)
        assert len(node.placements) == 0
    assert (await two.call(WINE)).error is None


async def test_a_changed_service_is_called_as_it_is_now(two: Forwarded) -> None:
    await two.call(WINE)
    two.forwarding.place(replace(WINE_SERVICE, entry=Entry(code="new = 1")), None)
    await two.call(WINE)
    codes = [one.entry.code for node in two.nodes for one in node.execution.placed.values()]
    assert "new = 1" in codes
    await until(
        lambda: all(
            one.entry.code == "new = 1"
            for node in two.nodes
            for one in node.execution.placed.values()
        )
    )


async def test_what_was_never_placed_is_not_found(two: Forwarded) -> None:
    answer = await two.call(ServiceKey("other", "1"))
    assert isinstance(answer.error, ServiceNotFound)


async def test_a_withdrawn_service_is_not_found_and_taken_from_the_nodes(two: Forwarded) -> None:
    await two.call(WINE)
    two.forwarding.withdraw(WINE)
    assert isinstance((await two.call(WINE)).error, ServiceNotFound)
    await until(lambda: all(len(node.placements) == 0 for node in two.nodes))


@pytest.mark.parametrize("error", [WorkerDied("It died.", -9), BadInput("No.")])
async def test_an_error_of_the_service_is_told_and_not_tried_again(
    two: Forwarded, error: WorkerDied
) -> None:
    for node in two.nodes:
        node.execution.failure = error
    answer = await two.call(WINE)
    assert type(answer.error) is type(error)
    assert sum(two.calls()) == 1


@pytest.mark.parametrize("error", [Busy("Full."), Draining("Stopping.")])
async def test_a_call_that_was_not_begun_is_sent_to_another_node_once(
    two: Forwarded, error: Unavailable
) -> None:
    for node in two.nodes:
        node.execution.failure = error
    answer = await two.call(WINE)
    assert type(answer.error) is type(error)
    assert two.calls() == [1, 1]


@pytest.mark.parametrize(("service", "moves"), [(TWICE, True), (WINE_SERVICE, False)])
async def test_a_node_that_hangs_keeps_only_what_must_not_run_twice(
    two: Forwarded, service: Service, moves: bool
) -> None:
    two.forwarding.place(service, None)
    for node in two.nodes:
        node.execution.holds = True
    _, done = two.start(WINE)
    await until(lambda: sum(two.calls()) == 1)
    hung, other = sorted(two.nodes, key=lambda node: -len(node.execution.calls))
    other.execution.holds = False
    two.forwarding.given_up(two.at(hung))
    if moves:
        assert (await asyncio.wait_for(done, DEADLINE_S)).error is None
        assert two.calls() == [1, 1]
    else:
        assert not done.done()
        hung.execution.release()
        assert (await asyncio.wait_for(done, DEADLINE_S)).error is None
        assert sum(two.calls()) == 1


async def test_one_node_that_refuses_costs_no_call(two: Forwarded) -> None:
    two.nodes[0].execution.failure = Busy("Full.")
    answers = [await two.call(WINE) for _ in range(20)]
    assert [one.error for one in answers] == [None] * 20


class Shut:
    """A door through which nobody comes any more once it is shut."""

    is_shut = False

    def admit(self, transport: asyncio.BaseTransport) -> object:
        if self.is_shut:
            raise CertificateRejected("denied", "It is on the list of those who are kept out.")
        return transport

    def left(self, transport: asyncio.BaseTransport) -> None:
        """Do nothing."""


async def test_a_node_that_turns_the_web_node_away_costs_no_call(tmp_path: Path) -> None:
    door = Shut()
    async with forwarded(tmp_path, 2, service=TWICE, doors={0: door}) as made:
        await made.all_seen()
        while not all(made.calls()):  # so that both were given the service
            await made.call(WINE)
        before = made.calls()[0]
        door.is_shut = True
        made.nodes[0].clients.abort()
        await until(lambda: made.at(made.nodes[0]).link.connections == 0)
        answers = [await made.call(WINE) for _ in range(10)]
    assert {one.error for one in answers} == {None}
    assert made.calls()[0] == before


async def test_a_caller_is_not_told_that_the_web_node_is_turned_away(tmp_path: Path) -> None:
    door = Shut()
    async with forwarded(tmp_path, 1, service=WINE_SERVICE, doors={0: door}) as made:
        await made.all_seen()
        await made.call(WINE)
        door.is_shut = True
        made.nodes[0].clients.abort()
        await until(lambda: made.at(made.nodes[0]).link.connections == 0)
        answer = await made.call(WINE)
        with pytest.raises(Unavailable, match="No compute node answers"):
            await made.forwarding.check(WINE_SERVICE, None)
    assert type(answer.error) is Unavailable


async def test_a_node_that_stops_costs_no_call(two: Forwarded) -> None:
    calls = [asyncio.ensure_future(two.call(WINE)) for _ in range(50)]
    stopping = asyncio.ensure_future(two.nodes[0].stop())
    more = [await two.call(WINE) for _ in range(50)]
    answers = [*await asyncio.gather(*calls), *more]
    await stopping
    assert {one.error for one in answers} == {None}


async def test_a_node_that_is_gone_costs_no_call_and_gets_none(two: Forwarded) -> None:
    await two.nodes[0].stop()
    answers = await asyncio.gather(*(two.call(WINE) for _ in range(20)))
    assert {one.error for one in answers} == {None}
    assert two.calls()[1] == 20


async def test_a_lost_call_of_an_ordinary_service_is_not_sent_again(two: Forwarded) -> None:
    for node in two.nodes:
        node.execution.holds = True
    _, done = two.start(WINE)
    await until(lambda: sum(two.calls()) == 1)
    for node in two.nodes:
        node.clients.abort()
    answer = await asyncio.wait_for(done, DEADLINE_S)
    assert isinstance(answer.error, Unreachable)
    assert "nobody knows" in answer.error.text
    assert sum(two.calls()) == 1


async def test_a_lost_call_of_an_idempotent_service_is_sent_again(two: Forwarded) -> None:
    two.forwarding.place(TWICE, None)
    for node in two.nodes:
        node.execution.holds = True
    _, done = two.start(WINE)
    await until(lambda: sum(two.calls()) == 1)
    dying = next(node for node in two.nodes if node.execution.calls)
    other = next(node for node in two.nodes if node is not dying)
    other.execution.holds = False
    dying.clients.abort()
    answer = await asyncio.wait_for(done, DEADLINE_S)
    assert answer.error is None
    assert two.calls() == [1, 1]


async def test_without_any_node_calls_are_refused_and_asked_back_later(tmp_path: Path) -> None:
    async with forwarded(tmp_path, 1, service=WINE_SERVICE) as made:
        made.seen.replace([])
        answer = await made.call(WINE)
    assert isinstance(answer.error, Unavailable)
    assert answer.error.retry_after_s >= 1


async def test_when_no_node_listens_the_refusal_is_the_same(two: Forwarded) -> None:
    for node in two.nodes:
        await node.stop()
    assert type((await two.call(WINE)).error) is Unavailable
    await until(lambda: two.forwarding.capacity().most == 0)
    with pytest.raises(Unavailable):
        await two.forwarding.probe()


async def test_calls_beyond_the_connections_wait_and_then_beyond_the_queue_are_refused(
    tmp_path: Path,
) -> None:
    async with forwarded(tmp_path, 1, service=WINE_SERVICE, most=2, queued=3) as made:
        await made.call(WINE)
        made.nodes[0].execution.holds = True
        waiting = [made.start(WINE)[1] for _ in range(6)]
        refused = await asyncio.wait_for(waiting[5], DEADLINE_S)
        assert isinstance(refused.error, Busy)
        await until(lambda: len(made.nodes[0].execution.held) == 2)
        made.nodes[0].execution.holds = False
        for _ in range(2):
            made.nodes[0].execution.release()
        answers = await asyncio.gather(*waiting[:5])
        assert {one.error for one in answers} == {None}


async def test_an_abandoned_call_is_abandoned_at_its_node(two: Forwarded) -> None:
    await two.call(WINE)
    for node in two.nodes:
        node.execution.holds = True
    ticket, done = two.start(WINE)
    await until(lambda: any(node.execution.held for node in two.nodes))
    two.forwarding.abandon(ticket)
    assert isinstance((await asyncio.wait_for(done, DEADLINE_S)).error, Unavailable)
    await until(lambda: any(node.execution.abandoned for node in two.nodes))


async def test_the_deadline_is_carried_along(two: Forwarded) -> None:
    _, done = two.start(WINE, within_s=1.5)
    await asyncio.wait_for(done, DEADLINE_S)
    assert 1.5 in {node.execution.within_s for node in two.nodes}


async def test_a_node_that_goes_silent_ends_its_call_at_last(two: Forwarded) -> None:
    await two.call(WINE)
    for node in two.nodes:
        node.execution.holds = True
    _, done = two.start(WINE, within_s=1.0)
    await until(lambda: any(node.execution.held for node in two.nodes))
    two.forwarding.sweep(asyncio.get_running_loop().time() + 60)
    assert isinstance((await asyncio.wait_for(done, DEADLINE_S)).error, DeadlineExceeded)


async def test_a_trial_load_goes_to_a_node_that_answers(two: Forwarded) -> None:
    await two.nodes[0].stop()
    assert (await two.forwarding.check(WINE_SERVICE, None)).console_output == ""
    with pytest.raises(ServiceUnloadable):
        await two.forwarding.check(replace(WINE_SERVICE, entry=Entry(code="raise")), None)


async def test_a_stopping_node_takes_no_call(two: Forwarded) -> None:
    await two.forwarding.stop()
    assert isinstance((await two.call(WINE)).error, Draining)
