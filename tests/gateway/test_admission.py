"""How many calls run at once."""

import asyncio

import pytest

from hermetic.errors import Busy
from hermetic.gateway.admission import Admission
from hermetic.serving.deployment import Sizing
from tests.support.waiting import until


async def test_as_many_run_as_fit() -> None:
    admission = Admission(Sizing(replicas=2, concurrency=2, queue_s=0.02))
    async with asyncio.TaskGroup() as group:
        gate, inside = asyncio.Event(), []

        async def hold() -> None:
            async with admission.place():
                inside.append(1)
                await gate.wait()

        for _ in range(4):
            group.create_task(hold())
        await until(lambda: len(inside) == 4)
        with pytest.raises(Busy, match="All 4 calls"):
            async with admission.place():
                pass
        gate.set()
    async with admission.place():
        pass


async def test_a_place_is_free_again_after_a_failure() -> None:
    admission = Admission(Sizing(queue_s=0.02))
    with pytest.raises(ValueError, match="broken"):
        async with admission.place():
            raise ValueError("broken")
    async with admission.place():
        pass
