import asyncio

import pytest

from hermetic.gateway.completion import to_the_end

DEADLINE_S = 10


async def test_what_it_returns_or_raises_is_the_works_own() -> None:
    async def work() -> int:
        return 1

    async def trouble() -> int:
        raise KeyError

    assert await to_the_end(work()) == 1
    with pytest.raises(KeyError):
        await to_the_end(trouble())


async def test_work_goes_on_when_its_caller_is_gone() -> None:
    begun, go, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go.wait()
        done.set()

    caller = asyncio.ensure_future(to_the_end(work()))
    await asyncio.wait_for(begun.wait(), DEADLINE_S)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go.set()
    await asyncio.wait_for(done.wait(), DEADLINE_S)
