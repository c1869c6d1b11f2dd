"""Bytes on their way from or to somebody, whole in memory only where there is no other way."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import BinaryIO

from hermetic.errors import BodyTooLarge

PIECE = 1024 * 1024  # bytes: less is mostly switching between threads, more is only memory


async def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Content:
    """Bytes for a reader: their number, and the pieces in order.

    The pieces can be iterated once.  Whoever has a content calls `close` at the end, whether
    it took all the pieces, some or none.
    """

    size: int
    pieces: AsyncIterator[bytes]
    release: Callable[[], Awaitable[None]] = _nothing
    """Lets go of what the pieces come from; MAY be called more than once."""

    @classmethod
    def of(cls, data: bytes) -> "Content":
        """Return *data* itself."""
        return cls.within(io.BytesIO(data))

    @classmethod
    def within(cls, file: BinaryIO) -> "Content":
        """Return what *file* holds at this moment; it is closed when the pieces are through."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        pieces = _Pieces(file, size)
        return cls(size, pieces, pieces.close)

    async def close(self) -> None:
        """Let go of what the pieces come from; there are none any more."""
        await self.release()


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


class _Pieces:
    """The first *size* bytes of a file, and no more: it may grow while it is read.

    No generator, since closing one that was never begun runs none of its code.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._file.closed:
            raise StopAsyncIteration
        piece = await asyncio.to_thread(self._file.read, min(PIECE, self._left))
        if not piece:
            await self.close()
            raise StopAsyncIteration
        self._left -= len(piece)
        return piece

    async def close(self) -> None:
        self._file.close()
