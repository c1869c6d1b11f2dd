from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hermetic.database.database import Database
from hermetic.errors import Conflict, NotFound
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
    2**35,
    3,
)


@pytest.fixture
async def registry(database: Database) -> SnapshotRegistry:
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


@pytest.mark.parametrize("bounds", [{"most": 2}, {"held": 2**36 + 1}], ids=["number", "bytes"])
async def test_who_has_all_they_may_have_deletes_one_first(
    database: Database, bounds: dict[str, int]
) -> None:
    registry = SnapshotRegistry(database, **bounds)
    third = replace(SNAPSHOT, id="3")
    for one in (SNAPSHOT, replace(SNAPSHOT, id="2"), replace(SNAPSHOT, id="4", owner="bert")):
        await registry.add(one)
    with pytest.raises(Conflict, match="delete some"):
        await registry.add(third)
    await registry.remove("anna", "1")
    await registry.add(third)
