"""What is cleared away beside the face: uploaded files that nothing refers to."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.client.execution import Loaded
from hermetic.errors import NotFound, ServiceUnloadable, StorageFull
from hermetic.gateway.deployments import Wish
from hermetic.gateway.models import Asset, Model
from hermetic.gateway.operations import OperationState
from hermetic.serving.frontend import Asked, TlsState
from hermetic.serving.service import Service
from tests.compat.azureml.conftest import Desk
from tests.support.deploying import ANNA, NOW, SCRIPT, Deck, pieces

LATER = timedelta(hours=25)
FILE = "LocalUpload/box/model.bin"
OFF = Asked(TlsState.DISABLED)


async def uploaded(desk: Desk, name: str = FILE) -> str:
    """Upload a file, and let a day pass; return the digest of its bundle."""
    kept = await desk.deck.uploads.put(name, pieces(b"a file"))
    desk.deck.clock.advance(LATER)
    return kept.bundle


async def swept(desk: Desk) -> None:
    """Sweep as a node does: first the files, then the bundles they lay in."""
    await desk.face.cases.sweep()
    files, deployed = await desk.deck.artifacts.bundles()
    await desk.deck.bundles.sweep(kept=files | deployed, served=deployed)


async def is_there(desk: Desk, name: str = FILE) -> bool:
    return bool(await desk.deck.artifacts.below(name))


async def test_what_nothing_refers_to_goes_with_its_bundle(desk: Desk) -> None:
    bundle = await uploaded(desk)
    await swept(desk)
    assert not await is_there(desk)
    with pytest.raises(NotFound):
        await desk.deck.bundles.path(bundle)


async def test_what_came_lately_stays(desk: Desk) -> None:
    await desk.deck.uploads.put(FILE, pieces(b"a file"))
    desk.deck.clock.advance(timedelta(hours=23))
    await swept(desk)
    assert await is_there(desk)


async def asset_of(deck: Deck) -> Asset:
    await deck.uploads.put(FILE, pieces(b"a file"))
    return await deck.models.add_asset(ANNA, "wine", [FILE])


async def test_a_model_keeps_its_files_until_it_is_removed(desk: Desk) -> None:
    asset = await asset_of(desk.deck)
    for _ in range(2):
        await desk.deck.models.register(ANNA, Model("wine", 0, "", NOW, asset.id))
    desk.deck.clock.advance(LATER)
    for version in (1, 2):
        await swept(desk)
        assert list(await desk.deck.models.files("wine:2")) == ["model.bin"]
        desk.deck.clock.advance(LATER)
        await desk.deck.models.remove(ANNA, f"wine:{version}")
    await swept(desk)
    assert not await is_there(desk)


async def test_what_becomes_a_model_while_others_are_swept_stays(desk: Desk) -> None:
    asset = await asset_of(desk.deck)
    desk.deck.clock.advance(LATER)
    kept = await desk.deck.models.uploads()  # a sweep has looked, and not yet removed
    made = await desk.deck.models.register(ANNA, Model("wine", 0, "", NOW, asset.id))
    await desk.deck.uploads.sweep(kept)
    assert list(await desk.deck.models.files(made.id)) == ["model.bin"]


async def test_what_was_swept_becomes_no_model(desk: Desk) -> None:
    asset = await asset_of(desk.deck)
    desk.deck.clock.advance(LATER)
    await swept(desk)
    with pytest.raises(NotFound, match="send it again"):
        await desk.deck.models.register(ANNA, Model("wine", 0, "", NOW, asset.id))
    assert await desk.deck.models.all() == []


async def test_a_deployment_keeps_what_it_was_put_together_from(desk: Desk) -> None:
    await desk.deck.deploy()
    again = await desk.deck.sources()
    desk.deck.clock.advance(LATER)
    await swept(desk)
    wish = Wish(desk.deck.deployments.find("wine"), again, OFF)
    await desk.deck.done(await desk.deck.deployments.update(ANNA, "wine", wish))
    await desk.deck.done(await desk.deck.deployments.delete(ANNA, "wine"))
    desk.deck.clock.advance(LATER)
    await swept(desk)
    assert not await is_there(desk, SCRIPT)


async def test_a_deployment_is_made_while_others_are_swept(desk: Desk) -> None:
    deck, loading, go_on = desk.deck, asyncio.Event(), asyncio.Event()

    async def held(service: Service, folder: Path | None) -> Loaded:
        loading.set()
        await go_on.wait()
        return Loaded("")

    deck.execution.check = held  # type: ignore[method-assign]  # a script that takes its time
    sources = await deck.sources()
    deck.clock.advance(LATER)
    begun = await deck.deployments.create(ANNA, Wish(deck.deployment(), sources, OFF))
    await loading.wait()
    await swept(desk)
    go_on.set()
    await deck.done(begun)
    assert await is_there(desk, SCRIPT)
    assert (await deck.restarted()).placing.find("wine") is not None


async def test_a_deployment_whose_files_were_swept_says_so(desk: Desk) -> None:
    sources = await desk.deck.sources()
    desk.deck.clock.advance(LATER)
    await swept(desk)
    wish = Wish(desk.deck.deployment(), sources, OFF)
    ended = await desk.deck.ended(await desk.deck.deployments.create(ANNA, wish))
    assert ended.state is OperationState.FAILED
    assert "no uploaded file" in desk.deck.journal.tail("wine", 5)


async def test_an_update_that_failed_leaves_what_runs_its_files(desk: Desk) -> None:
    await desk.deck.deploy()

    async def failing(service: Service, folder: Path | None) -> Loaded:
        raise ServiceUnloadable("It cannot be loaded.", "Traceback")

    desk.deck.execution.check = failing  # type: ignore[method-assign]  # a script that raises
    sources = await desk.deck.sources()
    wish = Wish(desk.deck.deployments.find("wine"), sources, OFF)
    await desk.deck.ended(await desk.deck.deployments.update(ANNA, "wine", wish))
    desk.deck.clock.advance(LATER)
    await swept(desk)
    assert await is_there(desk, SCRIPT)


async def test_a_full_disk_ends_no_node(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(kept: object, grace: object) -> int:
        raise StorageFull("There is no room.")

    await uploaded(desk)
    monkeypatch.setattr(desk.deck.artifacts, "sweep", full)
    await desk.face.cases.sweep()
    assert await is_there(desk)
