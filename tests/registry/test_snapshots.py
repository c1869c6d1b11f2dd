from datetime import UTC, datetime

import pytest

from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import NotFound
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Snapshot

SNAPSHOT = Snapshot(
    "1",
    "evening",
    "anna",
    datetime(2026, 11, 22, tzinfo=UTC),
    RuntimeKind.PYTHON,
    "d" * 64,
    2**40,
    3,
)


@pytest.fixture
async def registry(database: SqliteDatabase) -> SnapshotRegistry:
    registry = SnapshotRegistry(database)
    await registry.add(SNAPSHOT)
    return registry


async def test_a_snapshot_comes_back_to_its_owner(registry: SnapshotRegistry) -> None:
    assert await registry.find("anna", "1") == SNAPSHOT
    assert await registry.own("anna") == [SNAPSHOT]


async def test_a_snapshot_is_nothing_to_others(registry: SnapshotRegistry) -> None:
    assert await registry.own("bert") == []
    with pytest.raises(NotFound):
        await registry.find("bert", "1")
    with pytest.raises(NotFound):
        await registry.remove("bert", "1")
    assert await registry.find("anna", "1")


async def test_a_removed_snapshot_is_gone(registry: SnapshotRegistry) -> None:
    await registry.remove("anna", "1")
    assert await registry.own("anna") == []
    with pytest.raises(NotFound):
        await registry.remove("anna", "1")


async def test_its_bundle_is_referred_to(registry: SnapshotRegistry) -> None:
    assert await registry.bundles() == {"d" * 64}
