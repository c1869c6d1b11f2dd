"""Interpreters of sessions, with real worker processes."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dill
import pytest

from hermetic.compute.limits import MIB, Limits
from hermetic.compute.sessions import SessionInterpreters
from hermetic.errors import (
    BadInput,
    DeadlineExceeded,
    Gone,
    MalformedBody,
    NotFound,
    SessionNotFound,
    Unavailable,
)
from hermetic.serving.bundle import Shelf
from tests.compute.conftest import LIMITS, Rig
from tests.support.waiting import until


class Desk:
    """One session, and short ways to use it."""

    def __init__(self, sessions: SessionInterpreters, folder: Path) -> None:
        self.sessions, self.folder = sessions, folder

    async def execute(self, code: str, *outputs: str, **inputs: Any) -> dict[str, Any]:
        answer = await self.sessions.execute("s", code, inputs, outputs)
        found: dict[str, Any] = json.loads(answer)
        return found

    async def value(self, code: str, name: str, **inputs: Any) -> Any:
        found = await self.execute(code, name, **inputs)
        assert found["success"], found["errorMessage"]
        assert found["outputParameters"][0]["name"] == name
        return found["outputParameters"][0]["value"]


@pytest.fixture
def session_limits() -> Limits:
    return LIMITS


@pytest.fixture
async def desk(rig: Rig, session_limits: Limits) -> AsyncIterator[Desk]:
    pool = rig.pool
    sessions = SessionInterpreters(pool.workforce, pool.orders, session_limits)
    folder = made(rig.home / "sessions" / "s")
    sessions.open("s", folder)
    yield Desk(sessions, folder)
    sessions.close("s")


def made(folder: Path) -> Path:
    """Make *folder* with both shelves."""
    for shelf in Shelf:
        (folder / shelf).mkdir(parents=True)
    return folder


async def test_state_lasts_from_one_execution_to_the_next(desk: Desk) -> None:
    await desk.execute("x = 40\ndef add(n):\n    global x\n    x += n")
    assert await desk.value("add(n)", "x", n=2) == 42


async def test_an_answer_has_five_members(desk: Desk) -> None:
    assert await desk.execute("print('hi'); open('a.txt', 'w').write('x'); y = [1]", "y") == {
        "success": True,
        "errorMessage": "",
        "outputParameters": [{"name": "y", "value": [1]}],
        "consoleOutput": "hi\n",
        "changedFiles": ["a.txt"],
    }
    assert (desk.folder / "files" / "a.txt").read_text() == "x"


async def test_a_failing_execution_says_so_and_keeps_the_session(desk: Desk) -> None:
    found = await desk.execute("x = 1\nx / 0", "x")
    assert not found["success"]
    assert "ZeroDivisionError" in found["errorMessage"]
    assert found["outputParameters"] == []
    assert await desk.value("", "x") == 1


async def test_an_output_that_was_not_set_is_named(desk: Desk) -> None:
    assert "did not set y" in (await desk.execute("x = 1", "y"))["errorMessage"]


async def test_objects_of_a_session_that_executed_nothing_start_no_process(desk: Desk) -> None:
    await desk.sessions.write_object("s", "model", b"not even a pickle")
    assert await desk.sessions.list_objects("s") == ["model"]
    assert await desk.sessions.read_object("s", "model") == b"not even a pickle"
    assert (desk.folder / "workspace" / "model").read_bytes() == b"not even a pickle"
    await desk.sessions.delete_object("s", "model")
    assert await desk.sessions.list_objects("s") == []


async def test_objects_come_in_at_the_first_execution_and_go_out_after_it(desk: Desk) -> None:
    await desk.sessions.write_object("s", "a", dill.dumps([1]))
    assert await desk.value("a.append(2)", "a") == [1, 2]
    await desk.sessions.write_object("s", "b", dill.dumps("two"))
    assert await desk.value("c = b * a[1]", "c") == "twotwo"
    assert await desk.sessions.list_objects("s") == ["a", "b", "c"]
    assert dill.loads(await desk.sessions.read_object("s", "a")) == [1, 2]
    await desk.sessions.delete_object("s", "a")
    assert await desk.sessions.list_objects("s") == ["b", "c"]


async def test_the_workspace_is_dumped_without_what_cannot_be_pickled(desk: Desk) -> None:
    await desk.sessions.write_object("s", "old", dill.dumps(1))
    await desk.execute(
        "del old\nn = 3\ndef f(): return n\nlock = __import__('threading').Lock()\ng = (i for i in ())"
    )
    assert await desk.sessions.dump_workspace("s") == ["g"]
    left = sorted(path.name for path in (desk.folder / "workspace").iterdir())
    assert left == ["f", "lock", "n"]


@pytest.mark.parametrize("name", ["../x", "a b", "", "a/b", "x" * 300])
async def test_an_object_cannot_have_any_name(desk: Desk, name: str) -> None:
    with pytest.raises(BadInput):
        await desk.sessions.write_object("s", name, b"")
    with pytest.raises(NotFound):
        await desk.sessions.read_object("s", name)


async def test_an_object_that_is_not_there_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.sessions.delete_object("s", "x")
    await desk.execute("")
    with pytest.raises(NotFound):
        await desk.sessions.read_object("s", "x")


async def test_bytes_that_are_no_pickle_are_refused_by_a_running_interpreter(desk: Desk) -> None:
    await desk.execute("")
    with pytest.raises(BadInput, match="cannot be read"):
        await desk.sessions.write_object("s", "x", b"junk")


async def test_a_cancelled_execution_fails_and_the_session_stays(desk: Desk) -> None:
    running = asyncio.ensure_future(
        desk.execute("x = 7\nprint('on', flush=True)\nwhile True: pass")
    )
    await until(lambda: "on" in desk.sessions.console_output("s"))
    desk.sessions.cancel("s")
    found = await asyncio.wait_for(running, 10)
    assert "KeyboardInterrupt" in found["errorMessage"]
    assert await desk.value("", "x") == 7


async def test_a_cancel_that_comes_too_late_does_nothing(desk: Desk) -> None:
    await desk.execute("x = 1")
    desk.sessions.cancel("s")
    assert await desk.value("", "x") == 1


async def test_the_history_holds_the_code_of_every_execution(desk: Desk) -> None:
    await desk.execute("a = 1")
    await desk.execute("1 / 0")
    assert desk.sessions.history("s") == ("a = 1", "1 / 0")


async def test_the_history_is_bounded_by_its_length(desk: Desk) -> None:
    long = "#" * (5 * MIB)
    for code in ("a = 1", f"{long}1", f"{long}2"):
        await desk.execute(code)
    assert desk.sessions.history("s") == (f"{long}2",)


async def test_an_input_that_is_nested_without_end_is_refused(desk: Desk) -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(MalformedBody, match="deep"):
        await desk.execute("a = 1", deep=value)
    assert await desk.value("a = 1", "a") == 1


async def test_an_object_is_never_written_through_a_link(desk: Desk) -> None:
    elsewhere = desk.folder / "elsewhere"
    elsewhere.write_bytes(b"kept")
    for name in ("x", ".x"):
        (desk.folder / "workspace" / name).symlink_to(elsewhere)
    await desk.sessions.write_object("s", "x", b"new")
    assert elsewhere.read_bytes() == b"kept"
    assert await desk.sessions.read_object("s", "x") == b"new"


async def test_executions_of_one_session_do_not_overlap(desk: Desk) -> None:
    await desk.execute("n = 0")
    code = "import time\nm = n\ntime.sleep(0.02)\nn = m + 1"
    await asyncio.gather(*(desk.execute(code) for _ in range(5)))
    assert await desk.value("", "n") == 5


async def test_a_session_whose_interpreter_died_is_gone(desk: Desk) -> None:
    with pytest.raises(Gone, match="exit code 5"):
        await desk.execute("import os; os._exit(5)")
    with pytest.raises(Gone, match="exit code 5"):
        await desk.sessions.list_objects("s")
    desk.sessions.close("s")
    with pytest.raises(SessionNotFound):
        await desk.sessions.list_objects("s")


async def test_an_interpreter_killed_between_executions_is_gone(desk: Desk) -> None:
    os.kill(await desk.value("import os; p = os.getpid()", "p"), signal.SIGKILL)
    with pytest.raises(Gone, match="SIGKILL"):
        await desk.execute("x = 1")


async def test_closing_ends_an_execution_that_runs(desk: Desk) -> None:
    running = asyncio.ensure_future(desk.execute("print('on', flush=True)\nwhile True: pass"))
    await until(lambda: "on" in desk.sessions.console_output("s"))
    desk.sessions.close("s")
    with pytest.raises(Gone):
        await asyncio.wait_for(running, 10)


async def test_the_folder_of_a_closed_session_stays(desk: Desk) -> None:
    await desk.execute("x = 1")
    assert desk.sessions.has_started("s")
    desk.sessions.close("s")
    assert not desk.sessions.has_started("s")
    assert sorted(path.name for path in desk.folder.iterdir()) == ["files", "workspace"]
    desk.sessions.close("s")


async def test_an_object_that_cannot_be_read_keeps_the_interpreter_from_starting(
    desk: Desk,
) -> None:
    await desk.sessions.write_object("s", "x", b"junk")
    with pytest.raises(Gone, match="cannot be read"):
        await desk.execute("1")


@pytest.mark.parametrize("session_limits", [Limits(execute_s=2)])
@pytest.mark.slow
async def test_an_execution_that_overruns_ends_the_session(desk: Desk) -> None:
    await desk.execute("x = 1")
    with pytest.raises(DeadlineExceeded):
        await desk.execute("while True: pass")
    with pytest.raises(Gone):
        await desk.execute("x")


@pytest.mark.slow
@pytest.mark.parametrize("session_limits", [Limits(execute_s=2)])
async def test_an_object_that_takes_too_long_to_pickle_ends_the_session(desk: Desk) -> None:
    await desk.execute(
        "class Slow:\n    def __reduce__(self):\n        while True: pass\nslow = Slow()"
    )
    with pytest.raises(DeadlineExceeded, match="longer than 2 s"):
        await desk.sessions.read_object("s", "slow")
    with pytest.raises(Gone):
        await desk.sessions.list_objects("s")


@pytest.mark.parametrize("session_limits", [Limits(sessions=0)])
async def test_there_are_only_so_many_interpreters(desk: Desk) -> None:
    with pytest.raises(Unavailable):
        await desk.execute("1")
    assert await desk.sessions.list_objects("s") == []


async def test_the_answer_to_a_question_nobody_waits_for_is_not_taken_for_another(
    desk: Desk,
) -> None:
    code = "import time; print('on', flush=True); time.sleep(0.2); x = 'old'"
    running = asyncio.ensure_future(desk.execute(code, "x"))
    await until(lambda: "on" in desk.sessions.console_output("s"))
    running.cancel()
    assert await desk.value("y = x", "y") == "old"


async def test_a_session_cannot_reach_another(desk: Desk, rig: Rig) -> None:
    desk.sessions.open("t", made(rig.home / "sessions" / "t"))
    path = str(rig.home / "sessions" / "t" / "files")
    assert (
        "PermissionError"
        in (await desk.execute(f"import os; os.listdir({path!r})"))["errorMessage"]
    )
