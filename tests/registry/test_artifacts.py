"""Uploaded files, and the bundles they lie in."""

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.errors import Conflict
from hermetic.registry.artifacts import Artifact, Artifacts

A, B = "a" * 64, "b" * 64


@pytest.fixture
def artifacts(database: Database, clock: TurnedClock) -> Artifacts:
    return Artifacts(database, clock)


async def test_a_file_is_found_by_its_name_and_by_its_folder(artifacts: Artifacts) -> None:
    names = ["box/a.py", "box/folder/b", "box/folder/c", "box/folder0", "boxes/d"]
    kept = {name: Artifact(name, A, len(name)) for name in names}
    for one in kept.values():
        await artifacts.put(one)
    assert await artifacts.find("box/a.py") == kept["box/a.py"]
    assert await artifacts.find("box/none") is None
    below = await artifacts.below("box/folder")
    assert [one.name for one in below] == ["box/folder/b", "box/folder/c"]
    assert len(await artifacts.below("box")) == 4


async def test_what_somebody_may_rely_on_is_not_replaced(artifacts: Artifacts) -> None:
    await artifacts.put(Artifact("box/a", A, 1))
    await artifacts.put(Artifact("box/a", A, 1))
    with pytest.raises(Conflict, match="not replaced"):
        await artifacts.put(Artifact("box/a", B, 1))
    found = await artifacts.find("box/a")
    assert found is not None
    assert found.bundle == A


async def test_it_tells_which_bundles_are_wanted(artifacts: Artifacts) -> None:
    await artifacts.put(Artifact("box/a", A, 1))
    await artifacts.deploy("wine", B)
    assert await artifacts.bundles() == ({A}, {B})
    await artifacts.deploy("wine", A)
    assert await artifacts.bundles() == ({A}, {A})
    await artifacts.deploy("wine", None)
    assert await artifacts.bundles() == ({A}, set())
