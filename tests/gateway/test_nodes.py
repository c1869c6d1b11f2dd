"""The compute nodes as a web node sees them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from hermetic.client.link import Outcome, request
from hermetic.clock import system_clock
from hermetic.gateway.nodes import ComputeNodes
from hermetic.serving.uris import NodeAddress
from tests.support.certificates import hierarchy
from tests.support.computenode import compute_node
from tests.support.forwarding import Forwarded, addresses, forwarded
from tests.support.sealed import believing, sealed_node
from tests.support.waiting import until
from tests.support.wire import WINE, WINE_SERVICE


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Forwarded]:
    async with forwarded(tmp_path, 2, service=WINE_SERVICE) as made:
        yield made


async def test_nodes_are_known_by_their_address(two: Forwarded) -> None:
    one = addresses(two.nodes)[0]
    assert two.seen.at(str(one)) is two.seen.at(one.url)
    assert two.seen.at("http://127.0.0.1:1") is None
    assert len(two.seen) == 2


async def test_what_they_have_is_told_together(two: Forwarded) -> None:
    assert two.seen.capacity().most == 4
    backends = two.seen.backends()
    assert [one.status_code for one in backends.values()] == ["pass", "pass"]
    assert all(url.endswith("/") for url in backends)


async def test_a_node_that_goes_is_lost_and_one_that_comes_back_is_found(
    tmp_path: Path, two: Forwarded
) -> None:
    lost = two.at(two.nodes[0])
    await two.nodes[0].stop()
    await until(lambda: lost.status is None)
    assert two.seen.backends()[str(lost.address)].status_code == "fail"
    async with compute_node(tmp_path / "again", port=lost.address.port):
        await until(lambda: lost.status is not None)
        assert two.seen.answering()


async def test_when_none_answers_that_is_said(two: Forwarded) -> None:
    for node in two.nodes:
        await node.stop()
    await until(lambda: not two.seen.answering())


async def test_a_retired_node_gets_no_call_until_it_is_taken_back(two: Forwarded) -> None:
    retired = addresses(two.nodes)[0]
    two.seen.replace(addresses(two.nodes), retired=[retired.url])
    for _ in range(10):
        await two.call(WINE)
    assert two.calls() == [0, 10]
    assert two.seen.backends()[str(retired)].details["phase"] == "draining"
    two.seen.replace(addresses(two.nodes))
    await asyncio.gather(*(two.call(WINE) for _ in range(20)))
    assert two.calls()[0] > 0


async def test_a_node_that_is_removed_finishes_its_call(two: Forwarded) -> None:
    two.seen.replace(addresses(two.nodes[:1]))
    two.nodes[0].execution.holds = True
    _, done = two.start(WINE)
    await two.nodes[0].execution.arrived.wait()
    two.seen.replace(addresses(two.nodes[1:]))
    two.nodes[0].execution.release()
    assert (await asyncio.wait_for(done, 10)).error is None
    assert len(two.seen) == 1


async def test_a_node_that_stays_keeps_its_connections(two: Forwarded) -> None:
    await two.call(WINE)
    kept = {node.address: node.link for node in two.seen}
    two.seen.replace([*addresses(two.nodes), NodeAddress("http", "127.0.0.1", 1)])
    assert all(two.seen.at(str(one)).link is link for one, link in kept.items())  # type: ignore[union-attr]


async def test_a_clock_that_goes_ahead_is_seen(tmp_path: Path) -> None:
    def ahead() -> datetime:
        return system_clock() + timedelta(minutes=5)

    async with compute_node(tmp_path, clock=ahead) as node:
        nodes = ComputeNodes(lambda: None, period_s=0.05)
        nodes.replace(addresses([node]))
        (seen,) = nodes
        await until(lambda: seen.status is not None)
        assert 299 < seen.skew_s < 301
        await nodes.stop()


async def test_a_node_that_does_not_know_us_is_asked_on_and_found_when_it_does(
    tmp_path: Path,
) -> None:
    authority = hierarchy()
    contexts = [believing(authority), believing(authority, authority)]
    async with sealed_node(tmp_path, authority) as sealed:
        nodes = ComputeNodes(lambda: contexts[0], period_s=0.05)
        nodes.replace([NodeAddress("https", "127.0.0.1", sealed.node.port)])
        (seen,) = nodes
        await until(lambda: "refuses the sealed connection" in seen.trouble)
        assert not nodes.answering()
        contexts.pop(0)
        nodes.renew()
        await until(nodes.answering)
        assert seen.trouble == ""
        await nodes.stop()


async def test_a_node_that_is_trusted_no_longer_is_lost_with_its_connections(
    tmp_path: Path,
) -> None:
    authority = hierarchy()
    contexts = [believing(authority, authority), believing(hierarchy(name="New"), authority)]
    async with sealed_node(tmp_path, authority) as sealed:
        nodes = ComputeNodes(lambda: contexts[0], period_s=0.05)
        nodes.replace([NodeAddress("https", "127.0.0.1", sealed.node.port)])
        (seen,) = nodes
        await until(nodes.answering)
        contexts.pop(0)
        nodes.renew()
        await until(lambda: "is not accepted" in seen.trouble)
        await until(lambda: sealed.open == 0)
        assert not nodes.answering()
        await nodes.stop()


async def test_a_context_that_changes_closes_connections_at_rest(tmp_path: Path) -> None:
    authority = hierarchy()
    contexts = [believing(authority, authority), believing(authority, authority)]
    async with sealed_node(tmp_path, authority) as sealed:
        nodes = ComputeNodes(lambda: contexts[0], period_s=0.05)
        nodes.replace([NodeAddress("https", "127.0.0.1", sealed.node.port)])
        (seen,) = nodes
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        question = request(seen.link.target, b"/calls/none", b"{}")
        seen.link.ask(question, done.set_result)
        await done
        assert seen.link.connections == 1
        contexts.pop(0)
        nodes.renew()
        await until(lambda: seen.link.connections == 0)
        await nodes.stop()
