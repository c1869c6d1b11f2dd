"""Registered models: versions, files, and who may change them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hermetic.errors import BadInput, NotFound, NotPermitted
from hermetic.gateway.models import Model
from tests.support.deploying import ANNA, BERT, NOW, RITA, Deck, deck_in, pieces


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


async def test_versions_count_from_one_for_each_name(deck: Deck) -> None:
    made = [(await deck.model(name)).id for name in ("wine", "wine", "beer")]
    assert made == ["wine:1", "wine:2", "beer:1"]
    assert [one.id for one in await deck.models.all("wine")] == ["wine:2", "wine:1"]
    assert [one.id for one in await deck.models.all(latest=True)] == ["beer:1", "wine:2"]


async def test_a_version_that_was_removed_is_not_given_again(deck: Deck) -> None:
    await deck.model()
    await deck.models.remove(ANNA, "wine:1")
    assert (await deck.model()).version == 2
    with pytest.raises(NotFound):
        await deck.models.find("wine:1")


async def test_versions_that_come_at_once_differ(deck: Deck) -> None:
    asset = (await deck.model()).asset
    wish = Model("wine", 0, "", NOW, asset)
    made = await asyncio.gather(*(deck.models.register(ANNA, wish) for _ in range(6)))
    assert sorted(one.version for one in made) == [2, 3, 4, 5, 6, 7]


async def test_its_files_lie_as_they_were_sent(deck: Deck) -> None:
    for name in ("LocalUpload/box/model/a", "LocalUpload/box/model/b/c", "LocalUpload/box/other"):
        await deck.uploads.put(name, pieces(name.encode()))
    asset = await deck.models.add_asset(ANNA, "m", ["LocalUpload/box/model"])
    made = await deck.models.register(ANNA, Model("m", 0, "", NOW, asset.id))
    assert sorted(await deck.models.files(made.id)) == ["model/a", "model/b/c"]


async def test_what_is_not_there_cannot_be_registered(deck: Deck) -> None:
    with pytest.raises(NotFound):
        await deck.models.add_asset(ANNA, "m", ["LocalUpload/none"])
    with pytest.raises(BadInput):
        await deck.models.add_asset(ANNA, "m", [])
    with pytest.raises(NotFound):
        await deck.models.register(ANNA, Model("m", 0, "", NOW, "none"))


@pytest.mark.parametrize("name", ["", "-a", "a/b", "a:1", "a" * 256, "ä"])
async def test_a_name_has_a_form(deck: Deck, name: str) -> None:
    asset = (await deck.model()).asset
    with pytest.raises(BadInput, match="model's name"):
        await deck.models.register(ANNA, Model(name, 0, "", NOW, asset))


async def test_strangers_and_readers_change_nothing(deck: Deck) -> None:
    made = await deck.model()
    with pytest.raises(NotPermitted):
        await deck.models.remove(BERT, made.id)
    with pytest.raises(NotPermitted):
        await deck.models.change(BERT, made.id, lambda now: now)
    with pytest.raises(NotPermitted):
        await deck.models.register(RITA, made)
    with pytest.raises(NotPermitted):
        await deck.models.add_asset(RITA, "m", ["LocalUpload/wine-0/model.bin"])
    assert await deck.models.find(made.id) == made


async def test_its_owner_says_more_of_it(deck: Deck) -> None:
    made = await deck.model()
    changed = await deck.models.change(ANNA, made.id, lambda now: replace(now, tags={"a": "b"}))
    assert await deck.models.find(made.id) == changed
    with pytest.raises(NotFound):
        await deck.models.change(ANNA, "none:1", lambda now: now)
