"""Waiting for what nobody announces: a question asked again and again, with a deadline."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

PERIOD_S = 0.01


async def until(condition: Callable[[], bool], *, within_s: float = 10) -> None:
    """Return once *condition* holds; what it raises is raised here.

    It is asked by the loop itself, so that everything that was ready before has had its turn.
    """
    loop = asyncio.get_running_loop()
    held = loop.create_future()

    def ask() -> None:
        if held.done():
            return
        try:
            if condition():
                held.set_result(None)
            else:
                loop.call_later(PERIOD_S, ask)
        except Exception as error:
            held.set_exception(error)

    loop.call_soon(ask)
    await asyncio.wait_for(held, within_s)


async def pause(seconds: float) -> None:
    """Let *seconds* pass: the pace of a load, and never how a test waits for something."""
    paused = asyncio.get_running_loop().create_future()
    with suppress(TimeoutError):
        await asyncio.wait_for(paused, seconds)
