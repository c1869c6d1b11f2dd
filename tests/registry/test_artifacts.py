"""Uploaded files, and the bundles they lie in."""

from datetime import timedelta

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


DAY = timedelta(days=1)


async def names(artifacts: Artifacts) -> list[str]:
    return [one.name for one in await artifacts.below("box")]


async def test_what_nothing_refers_to_goes_after_a_while(
    artifacts: Artifacts, clock: TurnedClock
) -> None:
    for name in ("box/a", "box/b", "box/m/a", "box/m/deep/b", "box/mm"):
        await artifacts.put(Artifact(name, A, 1))
    clock.advance(DAY)
    assert await artifacts.sweep(set(), DAY) == 0
    clock.advance(timedelta(seconds=1))
    await artifacts.put(Artifact("box/new", A, 1))
    assert await artifacts.sweep({"box/a", "box/m"}, DAY) == 2
    assert await names(artifacts) == ["box/a", "box/m/a", "box/m/deep/b", "box/new"]
    assert await artifacts.sweep(set(), DAY) == 3


async def test_what_is_wanted_stays_for_a_while_more(
    artifacts: Artifacts, clock: TurnedClock
) -> None:
    for name in ("box/a", "box/m/a", "box/m/b", "box/again"):
        await artifacts.put(Artifact(name, A, 1))
    clock.advance(2 * DAY)
    assert await artifacts.want("box/m") == 2
    await artifacts.put(Artifact("box/again", A, 1))
    assert await artifacts.sweep(set(), DAY) == 1
    assert await names(artifacts) == ["box/again", "box/m/a", "box/m/b"]
    assert await artifacts.want("box/a") == 0


async def test_who_sends_something_else_keeps_nothing_alive(
    artifacts: Artifacts, clock: TurnedClock
) -> None:
    await artifacts.put(Artifact("box/a", A, 1))
    clock.advance(2 * DAY)
    with pytest.raises(Conflict):
        await artifacts.put(Artifact("box/a", B, 1))
    assert await artifacts.sweep(set(), DAY) == 1
