"""Uploaded files: kept, found, handed out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermetic.errors import BadInput, BodyTooLarge, Conflict, NotFound
from tests.support.deploying import Deck, deck_in, pieces


@pytest.fixture
async def deck(tmp_path: Path) -> AsyncIterator[Deck]:
    async with deck_in(tmp_path) as deck:
        yield deck


async def test_a_file_is_handed_out_as_it_was_sent(deck: Deck) -> None:
    data = bytes(range(256)) * 1000
    kept = await deck.uploads.put("LocalUpload/box/a b.bin", pieces(data))
    assert kept.size == len(data)
    found = await deck.uploads.find("LocalUpload/box/a b.bin")
    assert (await deck.uploads.path(found)).read_bytes() == data
    content = await deck.uploads.content(found)
    assert b"".join([piece async for piece in content.pieces]) == data
    await content.close()


@pytest.mark.parametrize("name", ["../a", "a/../b", "/a", "a//b", "a/.", "", "a/\x00", "a\\b"])
async def test_a_name_leads_nowhere_else(deck: Deck, name: str) -> None:
    with pytest.raises(BadInput):
        await deck.uploads.put(name, pieces(b"x"))


async def test_what_is_there_is_not_replaced(deck: Deck) -> None:
    await deck.uploads.put("box/a", pieces(b"one"))
    await deck.uploads.put("box/a", pieces(b"one"))
    with pytest.raises(Conflict):
        await deck.uploads.put("box/a", pieces(b"two"))
    assert (await deck.uploads.path(await deck.uploads.find("box/a"))).read_bytes() == b"one"


async def test_what_is_too_large_leaves_nothing(deck: Deck, tmp_path: Path) -> None:
    with pytest.raises(BodyTooLarge):
        await deck.uploads.put("box/a", pieces(b"x" * 1_000_001))
    assert list((tmp_path / "uploads").iterdir()) == []
    with pytest.raises(NotFound):
        await deck.uploads.find("box/a")


async def test_what_was_not_sent_is_not_found(deck: Deck) -> None:
    with pytest.raises(NotFound):
        await deck.uploads.below("box")
