"""Bytes on their way in and out of the gateway, without their ever being whole in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Content:
    """Bytes for a reader: their number, and the pieces in order.

    The pieces can be iterated once.  Whoever stops early closes the iterator
    (`contextlib.aclosing`).
    """

    size: int
    pieces: AsyncIterator[bytes]
