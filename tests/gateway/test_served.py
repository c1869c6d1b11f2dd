"""The services that can be called here, where somebody else may have changed them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from hermetic.errors import ServiceNotFound
from hermetic.gateway.publication import PatchRequest
from hermetic.gateway.publishing import Publishing
from hermetic.registry.services import Services
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.serving.service import Entry, EntryKind, ServiceKey
from tests.gateway.conftest import ANNA
from tests.support.archives import in_pieces, zipped
from tests.support.gateway import Box, coded

WINE = ServiceKey("wine", "1")
PATH = b"/api/wine/1"
MODEL = zipped({"files/score.py": b"x = 1"})


class Learning:
    """Other web nodes, of which one learns by looking at what is stored."""

    exist = True

    def __init__(self) -> None:
        self.read: Callable[[], Awaitable[None]] | None = None
        self.told = 0

    async def learn(self) -> None:
        if self.read is not None:
            await self.read()

    async def tell(self) -> None:
        self.told += 1


@pytest.fixture
async def other(box: Box) -> Box:
    """Return another web node over the same database."""
    return await box.restarted()


async def test_what_another_node_published_is_served_after_a_look(box: Box, other: Box) -> None:
    await box.publishing.publish(ANNA, "wine", "1", coded())
    assert other.routes.find(PATH) is None
    await other.served.take_in()
    assert other.routes.find(PATH) == WINE
    assert other.execution.placed[WINE] == box.execution.placed[WINE]


async def test_what_another_node_changed_is_placed_anew(box: Box, other: Box) -> None:
    await box.publishing.publish(ANNA, "wine", "1", coded())
    await other.served.take_in()
    await box.publishing.patch(ANNA, "wine", "1", PatchRequest(code="answer = 2"))
    await other.served.take_in()
    assert other.execution.placed[WINE].entry.code == "answer = 2"


async def test_what_workers_need_not_know_costs_them_nothing(box: Box, other: Box) -> None:
    await box.publishing.publish(ANNA, "wine", "1", coded())
    await other.served.take_in()
    placed = other.execution.placed[WINE]
    await box.publishing.patch(ANNA, "wine", "1", PatchRequest(description="red"))
    await other.served.take_in()
    assert other.execution.placed[WINE] is placed


async def test_what_another_node_deleted_is_served_no_more(box: Box, other: Box) -> None:
    await box.publishing.publish(ANNA, "wine", "1", coded())
    await other.served.take_in()
    await box.publishing.delete(ANNA, "wine", "1")
    await other.served.take_in()
    assert other.routes.find(PATH) is None
    assert WINE not in other.execution.placed


async def test_a_look_that_began_before_a_publication_does_not_undo_it(box: Box) -> None:
    reading, go_on = asyncio.Event(), asyncio.Event()
    read_all = Services.all

    class Slow(Services):
        async def all(self, name: str | None = None) -> list[object]:  # type: ignore[override]
            found = await read_all(self, name)
            reading.set()
            await go_on.wait()
            return list(found)

    box.served._services.__class__ = Slow
    looking = asyncio.ensure_future(box.served.take_in())
    await reading.wait()
    go_on_later = asyncio.ensure_future(box.publishing.publish(ANNA, "wine", "1", coded()))
    await go_on_later
    go_on.set()
    await looking
    assert box.routes.find(PATH) == WINE


async def test_where_nothing_runs_bundles_are_not_unpacked(box: Box, other: Box) -> None:
    digest = await box.publishing.upload(ANNA, in_pieces(MODEL))
    entry = Entry(EntryKind.SCRIPT, target="score.py")
    request = coded(bundle=digest)
    await box.publishing.publish(
        ANNA, "wine", "1", type(request)(request.runtime, entry, request.schema, bundle=digest)
    )
    other.served._unpacks = False
    await other.served.take_in()
    assert other.execution.folders[WINE] is None


def publishing(box: Box, others: Learning) -> Publishing:
    others.read = box.served.take_in
    return Publishing(
        services=Services(box.database),
        snapshots=SnapshotRegistry(box.database),
        bundles=box.bundles,
        served=box.served,
        clock=box.clock,
        others=others,
    )


async def test_a_call_of_what_was_published_elsewhere_just_now_is_answered(
    box: Box, other: Box
) -> None:
    await box.publishing.publish(ANNA, "wine", "1", coded())
    late = publishing(other, Learning())
    answer = await late.call_late("wine", "1", b'{"x": 2}', "id-1")
    assert answer.error is None
    assert b'"answer": 2' in answer.body


async def test_a_call_of_what_nobody_published_is_not_found(other: Box) -> None:
    with pytest.raises(ServiceNotFound):
        await publishing(other, Learning()).call_late("wine", "1", b"{}", "id-1")


async def test_others_have_learned_of_a_change_when_it_is_acknowledged(box: Box) -> None:
    others = Learning()
    node = publishing(box, others)
    await node.publish(ANNA, "wine", "1", coded())
    assert others.told == 0  # who does not know it yet looks when it is called
    await node.patch(ANNA, "wine", "1", PatchRequest(code="answer = 2"))
    assert others.told == 1
    await node.delete(ANNA, "wine", "1")
    assert others.told == 2
