"""What every maker of `Interpreters` is held to, the one that tests work with included."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from hermetic.client.interpreters import Interpreters
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.compute.sessions import SessionInterpreters
from hermetic.errors import NotFound
from tests.support.interpreters import FolderInterpreters

LIMITS = Limits(initial=0, most=2)
BYTES = b"\x80\x04K\x07."  # the number 7, as dill writes it
Open = Callable[[Path], AbstractAsyncContextManager[Interpreters]]
Asking = Callable[[Interpreters], Awaitable[object]]


@asynccontextmanager
async def real_ones(home: Path) -> AsyncIterator[Interpreters]:
    pool = LocalExecution(home / "work", limits=LIMITS, hidden=home)
    await pool.start()
    yield SessionInterpreters(pool.workforce, pool.orders, LIMITS)
    await pool.stop(0)


@asynccontextmanager
async def played_ones(home: Path) -> AsyncIterator[Interpreters]:
    yield FolderInterpreters()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "sessions" / "s"


@pytest.fixture(params=[real_ones, played_ones])
async def interpreters(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[Interpreters]:
    home = folder.parents[1]
    home.mkdir(mode=0o700)
    maker: Open = request.param
    async with maker(home) as interpreters:
        await interpreters.open("s", folder)
        yield interpreters
        await interpreters.close("s")


async def test_an_opened_session_has_both_shelves_and_nothing_else(
    interpreters: Interpreters, folder: Path
) -> None:
    assert sorted(one.name for one in folder.iterdir()) == ["files", "workspace"]
    assert await interpreters.list_objects("s") == []
    assert list(interpreters.history("s")) == []
    assert interpreters.console_output("s") == ""


async def test_to_open_it_again_changes_nothing(interpreters: Interpreters, folder: Path) -> None:
    await interpreters.write_object("s", "x", BYTES)
    await interpreters.open("s", folder)
    assert await interpreters.list_objects("s") == ["x"]


async def test_before_the_first_execution_objects_are_bytes_in_the_folder(
    interpreters: Interpreters, folder: Path
) -> None:
    await interpreters.write_object("s", "x", b"no pickle at all")
    assert (folder / "workspace" / "x").read_bytes() == b"no pickle at all"
    assert await interpreters.read_object("s", "x") == b"no pickle at all"
    assert await interpreters.dump_workspace("s") in ([], ())
    await interpreters.delete_object("s", "x")
    assert await interpreters.list_objects("s") == []


async def test_with_the_first_execution_the_interpreter_takes_the_objects_over(
    interpreters: Interpreters, folder: Path
) -> None:
    await interpreters.write_object("s", "b", BYTES)
    assert json.loads(await interpreters.execute("s", "a=1", {}, ()))["success"]
    assert await interpreters.list_objects("s") == ["a", "b"]
    assert not (folder / "workspace" / "a").exists()
    assert not await interpreters.dump_workspace("s")
    assert (folder / "workspace" / "a").exists()


async def test_what_was_executed_is_remembered_in_order(interpreters: Interpreters) -> None:
    for code in ("a=1", "b=2"):
        await interpreters.execute("s", code, {}, ())
    assert list(interpreters.history("s")) == ["a=1", "b=2"]


async def test_an_interrupt_that_comes_too_late_harms_nothing(interpreters: Interpreters) -> None:
    await interpreters.execute("s", "a=1", {}, ())
    await interpreters.cancel("s")
    assert await interpreters.list_objects("s") == ["a"]


@pytest.mark.parametrize("executed", [False, True])
async def test_an_object_that_is_not_there_is_not_found(
    interpreters: Interpreters, executed: bool
) -> None:
    if executed:
        await interpreters.execute("s", "a=1", {}, ())
    with pytest.raises(NotFound):
        await interpreters.read_object("s", "x")
    with pytest.raises(NotFound):
        await interpreters.delete_object("s", "x")


async def console(interpreters: Interpreters) -> object:
    return interpreters.console_output("t")


async def history(interpreters: Interpreters) -> object:
    return interpreters.history("t")


@pytest.mark.parametrize(
    "ask",
    [
        console,
        history,
        lambda one: one.execute("t", "a=1", {}, ()),
        lambda one: one.cancel("t"),
        lambda one: one.list_objects("t"),
        lambda one: one.read_object("t", "x"),
        lambda one: one.write_object("t", "x", BYTES),
        lambda one: one.delete_object("t", "x"),
        lambda one: one.dump_workspace("t"),
    ],
)
async def test_a_session_that_is_not_open_is_not_found(
    interpreters: Interpreters, ask: Asking
) -> None:
    with pytest.raises(NotFound):
        await ask(interpreters)


async def test_a_session_that_is_not_open_can_be_closed(interpreters: Interpreters) -> None:
    await interpreters.close("t")


async def test_a_closed_session_is_not_found_and_its_folder_stays(
    interpreters: Interpreters, folder: Path
) -> None:
    await interpreters.close("s")
    with pytest.raises(NotFound):
        await interpreters.list_objects("s")
    assert folder.is_dir()
