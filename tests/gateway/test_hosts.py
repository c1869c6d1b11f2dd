"""Which machine keeps which session."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermetic.errors import Gone, Unavailable
from hermetic.gateway.hosts import HERE, NodeHosts, OneHost
from hermetic.serving.service import RuntimeKind
from tests.support.forwarding import Forwarded, addresses, forwarded
from tests.support.hosting import PlayedSessions

ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Forwarded]:
    async with forwarded(tmp_path, 2) as made:
        yield made


async def test_one_box_keeps_its_sessions_itself() -> None:
    host = PlayedSessions()
    assert await OneHost(host).place() == (HERE, host)
    assert await OneHost(host).of(HERE) is host
    with pytest.raises(Gone, match="no part of this box"):
        await OneHost(host).of("https://compute:12805")


async def test_a_session_goes_to_a_compute_node_and_is_found_there(two: Forwarded) -> None:
    hosts = NodeHosts(two.seen)
    node, host = await hosts.place()
    assert node in {one.url for one in addresses(two.nodes)}
    await host.open(ID, RuntimeKind.PYTHON)
    assert await (await hosts.of(node)).known([ID]) == {ID}


async def test_sessions_go_to_all_nodes(two: Forwarded) -> None:
    hosts = NodeHosts(two.seen)
    assert len({(await hosts.place())[0] for _ in range(40)}) == 2


async def test_a_node_that_was_removed_took_its_sessions_along(two: Forwarded) -> None:
    with pytest.raises(Gone, match="none of the compute nodes any more"):
        await NodeHosts(two.seen).of("https://gone:12805")


async def test_without_nodes_no_session_is_taken(two: Forwarded) -> None:
    two.seen.replace([])
    with pytest.raises(Unavailable):
        await NodeHosts(two.seen).place()


async def test_a_node_that_does_not_answer_is_said_to(two: Forwarded) -> None:
    _, host = await NodeHosts(two.seen).place()
    for one in two.nodes:
        await one.stop()
    with pytest.raises(Unavailable, match="cannot be asked"):
        await host.open(ID, RuntimeKind.PYTHON)
