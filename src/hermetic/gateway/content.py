"""Bytes on their way in and out of the gateway, whole in memory only where there is no other way."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import BinaryIO

from hermetic.errors import BodyTooLarge
from hermetic.registry.disk import pieces_of


@dataclass(frozen=True)
class Content:
    """Bytes for a reader: their number, and the pieces in order.

    The pieces can be iterated once.  Whoever stops early closes the iterator
    (`contextlib.aclosing`).
    """

    size: int
    pieces: AsyncIterator[bytes]

    @classmethod
    def of(cls, data: bytes) -> "Content":
        """Return *data* itself, in one piece."""
        return cls(len(data), _one(data))

    @classmethod
    def within(cls, file: BinaryIO) -> "Content":
        """Return what *file* holds at this moment; it is closed when the pieces are through."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return cls(size, pieces_of(file, size))


async def whole(pieces: AsyncIterator[bytes], *, most: int) -> bytes:
    """Return all *pieces* as one, for an interpreter takes an object whole.

    Raises:
        BodyTooLarge: There are more than *most* bytes.
    """
    data = bytearray()
    async for piece in pieces:
        data += piece
        if len(data) > most:
            raise BodyTooLarge(f"An object for a live session may have {most} bytes at most.")
    return bytes(data)


async def _one(data: bytes) -> AsyncIterator[bytes]:
    yield data
