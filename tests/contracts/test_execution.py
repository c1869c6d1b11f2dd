"""What every maker of `Execution` is held to, the one that tests call through included."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hermetic.client.execution import Answer, Execution
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.errors import ServiceUnloadable
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, RuntimeKind, Service, ServiceKey
from tests.support.execution import InstantExecution
from tests.support.forwarding import forwarded

DEADLINE_S = 30
Open = Callable[[Path], AbstractAsyncContextManager[Execution]]


@asynccontextmanager
async def a_pool(home: Path) -> AsyncIterator[Execution]:
    execution = LocalExecution(home / "work", limits=Limits(initial=1, most=2), hidden=home)
    await execution.start()
    yield execution
    await execution.stop(0)


@asynccontextmanager
async def an_instant_one(home: Path) -> AsyncIterator[Execution]:
    yield InstantExecution()


@asynccontextmanager
async def one_that_forwards(home: Path) -> AsyncIterator[Execution]:
    async with forwarded(home) as made:
        yield made.forwarding


@pytest.fixture(params=[a_pool, an_instant_one, one_that_forwards])
async def execution(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Execution]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    maker: Open = request.param
    async with maker(home) as execution:
        yield execution


def service(code: str = "answer = a + b", name: str = "add") -> Service:
    numbers = [Parameter.parse(one, "numeric") for one in ("a", "b", "answer")]
    return Service(
        key=ServiceKey.parse(name, "1.0"),
        owner="ann",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        runtime=RuntimeKind.PYTHON,
        entry=Entry(code=code, init_code=code if "raise" in code else None),
        schema=Schema(inputs=tuple(numbers[:2]), outputs=tuple(numbers[2:])),
    )


async def call(execution: Execution, key: ServiceKey, body: bytes) -> Answer:
    came: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    execution.submit(key, body, came.set_result)  # a second answer would raise
    return await asyncio.wait_for(came, DEADLINE_S)


async def test_a_placed_service_answers_with_the_whole_json(execution: Execution) -> None:
    execution.place(service(), None)
    answer = await call(execution, service().key, b'{"a": 1, "b": 2}')
    assert answer.error is None
    found = json.loads(answer.body)
    assert found["success"]
    assert found["outputParameters"] == {"answer": 3}
    assert set(found) == {
        "success",
        "errorMessage",
        "outputParameters",
        "outputFiles",
        "consoleOutput",
        "changedFiles",
    }


async def test_the_times_of_a_call_are_told(execution: Execution) -> None:
    execution.place(service(), None)
    answer = await call(execution, service().key, b'{"a": 1, "b": 2}')
    assert answer.queued_s >= 0
    assert answer.executed_s > 0


async def test_what_was_never_placed_is_an_answer_and_not_raised(execution: Execution) -> None:
    answer = await call(execution, ServiceKey("nothing", "1.0"), b"{}")
    assert answer.error is not None
    assert answer.error.status == 404
    assert answer.body == b""


async def test_a_withdrawn_service_answers_no_more(execution: Execution) -> None:
    execution.place(service(), None)
    execution.withdraw(service().key)
    answer = await call(execution, service().key, b'{"a": 1, "b": 2}')
    assert answer.error is not None
    assert answer.error.status == 404


async def test_to_withdraw_what_is_unknown_does_nothing(execution: Execution) -> None:
    execution.withdraw(ServiceKey("nothing", "1.0"))


async def test_a_service_can_be_checked_before_it_is_placed(execution: Execution) -> None:
    assert (await execution.check(service(), None)).console_output == ""
    answer = await call(execution, service().key, b'{"a": 1, "b": 2}')
    assert answer.error is not None


async def test_a_service_that_does_not_load_is_told(execution: Execution) -> None:
    with pytest.raises(ServiceUnloadable) as caught:
        await execution.check(service("raise KeyError"), None)
    assert caught.value.traceback


async def test_who_can_answer_passes_the_probe_and_is_counted(execution: Execution) -> None:
    await asyncio.wait_for(execution.probe(), DEADLINE_S)
    capacity = execution.capacity()
    assert 0 <= capacity.busy <= capacity.workers <= capacity.most
    assert capacity.queued == 0
