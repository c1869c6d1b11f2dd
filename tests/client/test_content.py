"""Bytes on their way in and out."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermetic.client.content import PIECE, Content, whole
from hermetic.errors import BodyTooLarge
from tests.support.archives import in_pieces


async def test_bytes_are_their_own_content() -> None:
    content = Content.of(b"abc")
    assert (content.size, [piece async for piece in content.pieces]) == (3, [b"abc"])


async def test_a_file_is_read_from_its_beginning_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abcdef")
    with path.open("rb") as file:
        file.read(3)
        content = Content.within(file)
        assert content.size == 6
        assert await whole(content.pieces, most=6) == b"abcdef"
        assert file.closed


async def test_a_file_that_grows_gives_no_more_than_was_announced(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        content = Content.within(file)
        with path.open("ab") as other:
            other.write(b"def")
        assert await whole(content.pieces, most=6) == b"abc"


async def test_a_long_file_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * 2_500_000)
    content = Content.within(path.open("rb"))
    assert [len(piece) async for piece in content.pieces] == [PIECE, PIECE, 402_848]


@pytest.mark.parametrize("taken", [0, 1])
async def test_a_content_that_is_closed_early_closes_its_file(tmp_path: Path, taken: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * (PIECE + 1))
    file = path.open("rb")
    content = Content.within(file)
    for _ in range(taken):
        await anext(content.pieces)
    for _ in range(2):
        await content.close()
    assert file.closed
    assert [piece async for piece in content.pieces] == []


async def test_what_is_whole_is_as_large_as_allowed() -> None:
    assert await whole(in_pieces(b"abc"), most=3) == b"abc"


async def test_what_is_larger_is_refused_before_all_of_it_has_come() -> None:
    came = []

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(10):
            came.append(number)
            yield b"xx"

    with pytest.raises(BodyTooLarge):
        await whole(pieces(), most=3)
    assert came == [0, 1]
