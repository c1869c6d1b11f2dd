"""How many calls run at once."""

import asyncio

import pytest

from hermetic.errors import Busy
from hermetic.gateway.admission import Admission
from hermetic.gateway.agents import Places
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


async def test_what_its_compute_lacks_is_waited_for_and_then_told() -> None:
    admission, agents = Admission(Sizing(replicas=3, queue_s=0.02)), Places(1)
    async with admission.place(agents):
        with pytest.raises(Busy, match="All 1 agents of its compute"):
            async with admission.place(agents):
                pass
        async with admission.place():  # one that is on no compute
            pass
    async with admission.place(agents):
        pass


async def test_who_was_refused_by_the_compute_holds_no_place() -> None:
    admission, agents = Admission(Sizing(replicas=2, queue_s=0.02)), Places(1)
    async with admission.place(agents):
        for _ in range(3):
            with pytest.raises(Busy, match="agents of its compute"):
                async with admission.place(agents):
                    pass


async def test_a_timeout_of_what_runs_is_not_taken_for_a_full_queue() -> None:
    admission = Admission(Sizing(queue_s=0.02))
    with pytest.raises(TimeoutError, match="its own"):
        async with admission.place(Places(1)):
            raise TimeoutError("its own")
