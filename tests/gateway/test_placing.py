"""How deployments are called: with what their callers must show, and no more than fit."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from hermetic.errors import Busy, DeadlineExceeded, NotFound, Unauthenticated, WorkerDied
from hermetic.serving.deployment import Sizing
from hermetic.serving.exchange import HttpRequest, HttpResponse
from hermetic.serving.frontend import Asked, TlsState
from hermetic.serving.service import ServiceKey
from tests.support.deploying import ANNA, Deck, deck_in
from tests.support.waiting import until

REQUEST = HttpRequest("POST", "/score", "", (), b'{"x":1}')


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


@dataclass
class Counted:
    """What was counted of calls."""

    outcomes: list[str] = field(default_factory=list)

    def observe(self, outcome: str, total_s: float, queued_s: float, executed_s: float) -> None:
        self.outcomes.append(outcome)
        assert total_s >= queued_s >= 0

    def refuse(self, outcome: str) -> None:
        self.outcomes.append(f"refused: {outcome}")


async def test_a_call_is_answered_by_the_script(deck: Deck) -> None:
    await deck.deploy()
    answer = await deck.placing.call("wine", REQUEST, "id")
    assert answer.body == b'{"x":1}'
    assert deck.execution.requests == [REQUEST]
    assert deck.execution.within_s == 60.0
    assert "hi" in deck.journal.tail("wine", 1)


async def test_keys_are_asked_for(deck: Deck) -> None:
    made = await deck.deploy(key_auth=True)
    keys = deck.deployments.keys(ANNA, "wine")
    for good in (keys.primary, keys.secondary):
        deck.placing.admit(made, f"Bearer {good}")
        deck.placing.admit(made, f"bearer  {good} ")
    for bad in ("", keys.primary, f"Basic {keys.primary}", "Bearer ", "Bearer wrong"):
        with pytest.raises(Unauthenticated):
            deck.placing.admit(made, bad)


async def test_who_asks_for_nothing_lets_everybody_in(deck: Deck) -> None:
    deck.placing.admit(await deck.deploy(), "")


async def test_more_than_fit_wait_and_then_go_away(deck: Deck) -> None:
    await deck.deploy(sizing=Sizing(queue_s=0.05))
    deck.execution.holds = True
    first = asyncio.create_task(deck.placing.call("wine", REQUEST, "1"))
    await deck.execution.arrived.wait()
    with pytest.raises(Busy, match="1 calls"):
        await deck.placing.call("wine", REQUEST, "2")
    deck.execution.release()
    assert (await first).status == 200
    deck.execution.holds = False
    assert (await deck.placing.call("wine", REQUEST, "3")).status == 200


WIDE = Sizing(replicas=4, queue_s=0.05)


async def two_on(deck: Deck, **more: object) -> None:
    """Deploy two services on one compute, and let what they are called with be held."""
    wish = deck.compute("cluster", **more)
    await deck.done(await deck.computes.create(ANNA, wish, Asked(TlsState.DISABLED)))
    for name in ("wine", "beer"):
        await deck.deploy(name, compute="cluster", sizing=WIDE)
    deck.execution.holds = True


async def test_what_is_on_a_compute_shares_its_agents(deck: Deck) -> None:
    await two_on(deck, agent_count=1)
    first = asyncio.create_task(deck.placing.call("wine", REQUEST, "1"))
    await deck.execution.arrived.wait()
    for name in ("wine", "beer"):
        with pytest.raises(Busy, match="All 1 agents of its compute"):
            await deck.placing.call(name, REQUEST, "2")
    deck.execution.release()
    assert (await first).status == 200
    deck.execution.holds = False
    assert (await deck.placing.call("beer", REQUEST, "3")).status == 200


async def test_what_was_attached_is_bounded_by_what_is_there_alone(deck: Deck) -> None:
    await two_on(deck, agent_count=1, resource_id="/a/cluster")
    names = ("wine", "beer") * 2
    calls = [asyncio.create_task(deck.placing.call(one, REQUEST, "1")) for one in names]
    await until(lambda: len(deck.execution.held) == 4)
    for _ in calls:
        deck.execution.release()
    assert {answer.status for answer in await asyncio.gather(*calls)} == {200}


async def test_agents_that_are_added_take_who_waits(deck: Deck) -> None:
    await two_on(deck, agent_count=1)
    await deck.deploy("ale", compute="cluster", sizing=Sizing(queue_s=30))
    calls = [asyncio.create_task(deck.placing.call(one, REQUEST, "1")) for one in ("wine", "ale")]
    await deck.execution.arrived.wait()
    assert len(deck.execution.held) == 1
    more = replace(deck.computes.find("cluster"), agent_count=2)
    await deck.done(await deck.computes.update(ANNA, "cluster", more, Asked()))
    await until(lambda: len(deck.execution.held) == 2)
    for _ in calls:
        deck.execution.release()
    await asyncio.gather(*calls)


async def test_agents_are_counted_after_a_restart(deck: Deck) -> None:
    await two_on(deck, agent_count=1)
    again = await deck.restarted()
    again.execution.holds = True
    first = asyncio.create_task(again.placing.call("wine", REQUEST, "1"))
    await again.execution.arrived.wait()
    with pytest.raises(Busy, match="All 1 agents"):
        await again.placing.call("beer", REQUEST, "2")
    again.execution.release()
    await first


async def test_replicas_beyond_the_agents_are_told_of(deck: Deck) -> None:
    await two_on(deck, agent_count=2)
    assert "'cluster' runs 2 for all" in deck.journal.tail("wine", 10)
    deck.execution.holds = False
    await deck.deploy("ale", compute="cluster", sizing=Sizing(replicas=2))
    assert "agent_count" not in deck.journal.tail("ale", 10)


async def test_a_caller_who_leaves_is_not_waited_for(deck: Deck) -> None:
    await deck.deploy()
    deck.execution.holds = True
    calling = asyncio.create_task(deck.placing.call("wine", REQUEST, "1"))
    await deck.execution.arrived.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert deck.execution.abandoned == [1]
    deck.execution.holds = False
    assert (await deck.placing.call("wine", REQUEST, "2")).status == 200


async def test_what_breaks_a_worker_is_in_the_log(deck: Deck) -> None:
    await deck.deploy()
    deck.execution.failure = WorkerDied("The worker of 'wine' died.", 1)
    with pytest.raises(WorkerDied):
        await deck.placing.call("wine", REQUEST, "1")
    assert "died" in deck.journal.tail("wine", 1)


async def test_calls_are_counted_by_their_outcome(deck: Deck) -> None:
    counted: dict[ServiceKey, Counted] = {}
    deck.placing.count_in(lambda key: counted.setdefault(key, Counted()))
    made = await deck.deploy(key_auth=True)
    await deck.placing.call("wine", REQUEST, "1")
    deck.execution.script = lambda _request: HttpResponse(500, (), b"", failed=True)
    await deck.placing.call("wine", REQUEST, "2")
    deck.execution.failure = DeadlineExceeded("It took too long.")
    with pytest.raises(DeadlineExceeded):
        await deck.placing.call("wine", REQUEST, "3")
    with pytest.raises(Unauthenticated):
        deck.placing.admit(made, "")
    (one,) = counted.values()
    refused = "refused: unauthenticated"
    assert one.outcomes == ["answered", "raised", "deadline-exceeded", refused]


async def test_what_is_not_there_is_not_found(deck: Deck) -> None:
    with pytest.raises(NotFound):
        await deck.placing.call("wine", REQUEST, "1")


async def test_a_front_end_of_its_own_is_found_by_its_name(deck: Deck) -> None:
    made = await deck.deploy()
    assert deck.placing.at(made.host, sealed=False) == made
    assert deck.placing.at(made.host, sealed=True) is None
    assert deck.placing.at("", sealed=True) is None
    await deck.create()
    shared = await deck.deploy("beer", compute="cluster")
    assert deck.placing.at(deck.computes.find("cluster").tls.host, sealed=True) is None
    assert deck.placing.find("beer") == shared


async def test_one_whose_bundle_is_gone_keeps_no_node_from_starting(deck: Deck) -> None:
    made = await deck.deploy()
    await deck.bundles.discard(made.bundle)
    again = await deck.restarted()
    assert again.placing.find("wine") is None
    assert again.deployments.find("wine") == made


async def test_who_may_not_call_is_told_without_the_application(deck: Deck) -> None:
    await deck.deploy(key_auth=True)
    await deck.deploy("open", key_auth=False, host="open.local")
    key = deck.deployments.keys(ANNA, "wine").primary.encode()
    url = b"/api/v1/service/wine/score"
    for bearer in (b"", b"Bearer wrong", b"Basic " + key, key, b"Bearer \xff"):
        refused = deck.placing.refused(url, bearer)
        assert refused is not None
        assert isinstance(refused[1], Unauthenticated)
    assert deck.placing.refused(url, b"Bearer " + key) is None
    for other in (b"/api/v1/service/open/score", b"/api/v1/service/none", b"/api/v1/service/"):
        assert deck.placing.refused(other, b"") is None
