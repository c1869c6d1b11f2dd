"""All connections together."""

from datetime import UTC, datetime, timedelta

from hermetic.clock import TurnedClock
from hermetic.gateway.routing import Routes
from hermetic.http.clients import Clients
from hermetic.http.requests import RequestIds
from hermetic.node.metrics import Metrics
from hermetic.web.scoring import Scoring, ScoringProtocol
from tests.support.execution import InstantExecution
from tests.support.wire import WireNode, authenticate, call, configured, echo


async def test_connections_are_counted_while_they_last(node: WireNode) -> None:
    first, second = await node.connect(), await node.connect()
    await first.ask(call())
    await second.ask(call())
    assert len(node.clients) == 2


async def test_requests_are_active_until_they_are_answered(node: WireNode) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(call())
    await node.execution.arrived.wait()
    assert node.clients.active_requests == 1
    node.execution.release()
    await client.answer()
    assert node.clients.active_requests == 0


async def test_a_drained_connection_finishes_its_call_and_closes(node: WireNode) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(call())
    await node.execution.arrived.wait()
    node.clients.drain()
    node.execution.release()
    answer = await client.answer()
    assert (answer.status, answer.fields["connection"]) == (200, "close")
    assert await client.ended() == b""


async def test_a_drained_connection_finishes_a_request_that_is_arriving(node: WireNode) -> None:
    client, data = await node.connect(), call()
    await client.send(data[:60])
    resting = await node.connect()
    await resting.ask(call())
    node.clients.drain()
    assert await resting.ended() == b""
    answer = await client.ask(data[60:])
    assert (answer.status, answer.fields["connection"]) == (200, "close")


async def test_an_aborted_connection_gets_no_answer(node: WireNode) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(call())
    await node.execution.arrived.wait()
    node.clients.abort()
    assert await client.ended() == b""


async def test_answers_carry_the_time_of_the_last_sweep() -> None:
    clock = TurnedClock(datetime(2026, 1, 1, tzinfo=UTC))
    scoring = Scoring(
        routes=Routes(),
        authenticate=authenticate,
        execution=InstantExecution(),
        metrics=Metrics(),
        ids=RequestIds("p"),
    )
    clients = Clients(configured(echo), ScoringProtocol, scoring, clock)
    assert scoring.date == b"date: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    clock.advance(timedelta(days=1))
    clients.sweep(0.0)
    assert b"Fri, 02 Jan 2026" in scoring.head
