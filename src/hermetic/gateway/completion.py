"""What was begun is finished, even if whoever asked for it has gone away.

A change that is in the database but not yet in memory would make the node serve what no longer
is true until it is started again.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_under_way: set[asyncio.Task[Any]] = set()  # the loop itself keeps no task alive


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Return what *work* returns; it goes on to its end if the caller is cancelled."""
    task = asyncio.ensure_future(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return await asyncio.shield(task)
