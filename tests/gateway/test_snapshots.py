import io
import zipfile

import pytest

from hermetic.errors import NotFound
from hermetic.gateway.sessions import Sessions
from hermetic.gateway.snapshots import Snapshots
from hermetic.registry.bundles import GRACE
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Snapshot
from tests.gateway.conftest import ANNA, BERT, OLGA
from tests.support.archives import in_pieces
from tests.support.gateway import Box


@pytest.fixture
async def snapshot(sessions: Sessions) -> Snapshot:
    session = await sessions.open(ANNA, runtime=RuntimeKind.PYTHON)
    await sessions.write(ANNA, session.id, Shelf.WORKSPACE, "model", in_pieces(b"dill"))
    return await sessions.snapshot(ANNA, session.id, "evening")


async def test_a_snapshot_is_listed_to_its_owner(snapshots: Snapshots, snapshot: Snapshot) -> None:
    assert await snapshots.own(ANNA) == [snapshot]


async def test_its_archive_can_be_had(snapshots: Snapshots, snapshot: Snapshot) -> None:
    content = await snapshots.content(ANNA, snapshot.id)
    data = b"".join([piece async for piece in content.pieces])
    assert len(data) == content.size == snapshot.size
    assert zipfile.ZipFile(io.BytesIO(data)).read("workspace/model") == b"dill"


async def test_to_others_it_does_not_exist(snapshots: Snapshots, snapshot: Snapshot) -> None:
    for principal in (BERT, OLGA):
        assert await snapshots.own(principal) == []
        with pytest.raises(NotFound):
            await snapshots.content(principal, snapshot.id)
        with pytest.raises(NotFound):
            await snapshots.delete(principal, snapshot.id)
    assert await snapshots.own(ANNA) == [snapshot]


async def test_a_deleted_snapshot_is_gone(
    snapshots: Snapshots, snapshot: Snapshot, box: Box
) -> None:
    await snapshots.delete(ANNA, snapshot.id)
    for attempt in (snapshots.content, snapshots.delete):
        with pytest.raises(NotFound):
            await attempt(ANNA, snapshot.id)
    box.clock.advance(GRACE)
    await box.publishing.sweep()
    with pytest.raises(NotFound):
        await box.bundles.path(snapshot.bundle)


async def test_a_snapshot_nobody_published_is_never_swept(
    snapshots: Snapshots, snapshot: Snapshot, box: Box
) -> None:
    box.clock.advance(GRACE * 1000)
    await box.publishing.sweep()
    content = await snapshots.content(ANNA, snapshot.id)
    assert len([piece async for piece in content.pieces]) == 1
