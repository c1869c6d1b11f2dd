"""Which compute nodes there are, as administrators and other web nodes decide it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import BadInput, NotFound, NotPermitted, Unreachable
from hermetic.gateway.enrolment import Enrolment
from hermetic.gateway.nodes import ComputeNodes
from hermetic.registry.nodes import ComputeEntries
from tests.gateway.conftest import ANNA, OLGA, RITA
from tests.support.computenode import compute_node

ONE, TWO = "http://127.0.0.1:1", "http://127.0.0.1:2"
RANGE = "http://127.0.0.1:1-3"


class Heard:
    """The other web nodes: counts how often they were told."""

    exist = True

    def __init__(self) -> None:
        self.told = 0

    async def learn(self) -> None:
        """Do nothing."""

    async def tell(self) -> None:
        self.told += 1


@pytest.fixture
async def nodes() -> AsyncIterator[ComputeNodes]:
    nodes = ComputeNodes(lambda: None, period_s=60.0)
    yield nodes
    await nodes.stop()


@pytest.fixture
def entries(database: SqliteDatabase, clock: TurnedClock) -> ComputeEntries:
    return ComputeEntries(database, clock)


@pytest.fixture
def others() -> Heard:
    return Heard()


@pytest.fixture
def enrolment(entries: ComputeEntries, nodes: ComputeNodes, others: Heard) -> Enrolment:
    return Enrolment(entries, nodes, others)


def known(nodes: ComputeNodes) -> list[str]:
    return [one.address.url for one in nodes]


async def test_the_entries_of_the_settings_are_used_from_the_start(
    enrolment: Enrolment, nodes: ComputeNodes
) -> None:
    await enrolment.start([f"{ONE}/", f" {TWO} , {ONE}"])
    assert known(nodes) == await enrolment.entries() == [ONE, TWO]


async def test_a_start_with_an_entry_that_is_none_fails_and_keeps_none(
    enrolment: Enrolment, entries: ComputeEntries
) -> None:
    for wrong in ("ftp://127.0.0.1", "http://u:p@127.0.0.1", "", "http://127.0.0.1:9-1"):
        with pytest.raises(BadInput):
            await enrolment.start([ONE, wrong])
    assert await entries.all() == []


async def test_what_was_removed_stays_removed_though_the_settings_name_it(
    enrolment: Enrolment, nodes: ComputeNodes
) -> None:
    await enrolment.start([ONE, TWO])
    await enrolment.remove(OLGA, [ONE])
    await enrolment.start([ONE, TWO])
    assert known(nodes) == [TWO]


async def test_a_range_is_kept_as_it_was_written_and_means_each_of_its_nodes(
    enrolment: Enrolment, nodes: ComputeNodes
) -> None:
    await enrolment.add(OLGA, [RANGE])
    assert await enrolment.entries() == [RANGE]
    assert known(nodes) == [ONE, TWO, "http://127.0.0.1:3"]


async def test_adding_keeps_what_there_is_and_replacing_does_not(
    enrolment: Enrolment, nodes: ComputeNodes
) -> None:
    await enrolment.add(OLGA, [ONE])
    await enrolment.add(OLGA, [TWO, f"{ONE}/"])
    assert known(nodes) == [ONE, TWO]
    await enrolment.replace(OLGA, [TWO])
    assert known(nodes) == [TWO]
    await enrolment.replace(OLGA, [])
    assert known(nodes) == []


async def test_others_are_told_of_what_was_changed_and_of_nothing_else(
    enrolment: Enrolment, others: Heard
) -> None:
    await enrolment.add(OLGA, [ONE])
    await enrolment.drain(OLGA, ONE)
    await enrolment.remove(OLGA, [ONE])
    assert others.told == 3
    with pytest.raises(BadInput):
        await enrolment.add(OLGA, ["nonsense"])
    with pytest.raises(NotFound):
        await enrolment.remove(OLGA, [ONE])
    assert others.told == 3


CHANGES: list[Callable[[Enrolment, Principal], Awaitable[None]]] = [
    lambda enrolment, who: enrolment.replace(who, []),
    lambda enrolment, who: enrolment.add(who, [TWO]),
    lambda enrolment, who: enrolment.remove(who, [ONE]),
    lambda enrolment, who: enrolment.drain(who, ONE),
    lambda enrolment, who: enrolment.drain(who, ONE, undo=True),
    lambda enrolment, who: enrolment.restart(who, ONE),
]


@pytest.mark.parametrize("who", [ANNA, RITA, Principal("eve", Role.CONTRIBUTOR)])
async def test_nobody_but_an_owner_changes_them(enrolment: Enrolment, who: Principal) -> None:
    await enrolment.start([ONE])
    for change in CHANGES:
        with pytest.raises(NotPermitted):
            await change(enrolment, who)
    assert await enrolment.entries() == [ONE]
    assert (await enrolment.nodes())[1] == {}


@pytest.mark.parametrize("wrong", ["nonsense", "", " , ", "http://127.0.0.1:1,", "ftp://x"])
async def test_an_entry_that_is_none_changes_nothing(enrolment: Enrolment, wrong: str) -> None:
    await enrolment.start([ONE])
    with pytest.raises(BadInput):
        await enrolment.add(OLGA, [TWO, wrong])
    with pytest.raises(BadInput):
        await enrolment.replace(OLGA, [TWO, wrong])
    assert await enrolment.entries() == [ONE]


async def test_more_than_a_list_may_mean_is_refused_also_bit_by_bit(
    enrolment: Enrolment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermetic.serving.uris.MOST", 5)
    await enrolment.add(OLGA, [RANGE])
    with pytest.raises(BadInput, match="make its ranges smaller"):
        await enrolment.add(OLGA, ["http://127.0.0.1:4-6"])
    assert await enrolment.entries() == [RANGE]


async def test_to_remove_what_is_no_entry_removes_nothing_and_says_what_there_is(
    enrolment: Enrolment,
) -> None:
    await enrolment.start([ONE, RANGE])
    with pytest.raises(NotFound, match=f"{TWO}' is no entry: there are {ONE}, {RANGE}"):
        await enrolment.remove(OLGA, [ONE, TWO])
    assert await enrolment.entries() == [ONE, RANGE]


async def test_a_drained_node_is_marked_and_taken_back(
    enrolment: Enrolment, nodes: ComputeNodes, clock: TurnedClock
) -> None:
    await enrolment.start([RANGE])
    await enrolment.drain(OLGA, f"{TWO}/")
    _, draining = await enrolment.nodes()
    assert draining == {TWO: clock()}
    assert [one.retired for one in nodes] == [False, True, False]
    await enrolment.drain(OLGA, TWO, undo=True)
    assert not any(one.retired for one in nodes)


async def test_a_web_node_that_starts_later_knows_what_is_drained(
    enrolment: Enrolment, entries: ComputeEntries
) -> None:
    await enrolment.start([ONE])
    await enrolment.drain(OLGA, ONE)
    later = ComputeNodes(lambda: None, period_s=60.0)
    await Enrolment(entries, later).start([])
    assert [one.standing.draining for one in later] == [True]
    await later.stop()


async def test_what_is_no_node_can_neither_be_drained_nor_restarted(enrolment: Enrolment) -> None:
    await enrolment.start([ONE])
    with pytest.raises(NotFound, match=f"there are {ONE}"):
        await enrolment.drain(OLGA, TWO)
    with pytest.raises(NotFound, match=f"there are {ONE}"):
        await enrolment.restart(OLGA, TWO)
    assert (await enrolment.nodes())[1] == {}


async def test_a_node_is_told_to_begin_again(
    enrolment: Enrolment, nodes: ComputeNodes, tmp_path: Path
) -> None:
    async with compute_node(tmp_path) as node:
        url = f"http://127.0.0.1:{node.port}"
        await enrolment.add(OLGA, [url, ONE])
        await enrolment.restart(OLGA, url)
        assert node.restarts == [None]
        with pytest.raises(Unreachable):
            await enrolment.restart(OLGA, ONE)
        await nodes.stop()  # with connections at rest the node would take its time to end
