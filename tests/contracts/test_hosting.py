"""What every maker of `SessionHost` is held to, the one that tests work with included."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from hermetic.client.asking import Asker
from hermetic.client.content import Content, whole
from hermetic.client.hosting import SessionHost
from hermetic.client.link import Target
from hermetic.client.sessions import RemoteSessions
from hermetic.clock import system_clock
from hermetic.compute.hosting import LocalSessions, SessionLimits
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.compute.sessions import SessionInterpreters
from hermetic.errors import (
    BadInput,
    BodyTooLarge,
    BundleRejected,
    Busy,
    Gone,
    NotFound,
    SessionNotFound,
    Unavailable,
)
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from tests.support.archives import in_pieces, zipped
from tests.support.computenode import compute_node
from tests.support.hosting import DIES, LEAVES_OUT, SPINS, PlayedSessions
from tests.support.waiting import PERIOD_S

DEADLINE_S = 30
INTERPRETERS = 1
LIMITS = SessionLimits(in_all=2, held=100_000, live_object=1000)
SEVEN = b"\x80\x04K\x07."  # the number 7, as dill writes it
FILES, WORKSPACE = Shelf.FILES, Shelf.WORKSPACE
PYTHON = RuntimeKind.PYTHON
ONE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

Open = Callable[[Path], AbstractAsyncContextManager[SessionHost]]
Asking = Callable[[SessionHost, str], Awaitable[object]]


@asynccontextmanager
async def a_local_one(home: Path) -> AsyncIterator[SessionHost]:
    limits = Limits(initial=0, most=2, sessions=INTERPRETERS)
    pool = LocalExecution(home / "work", limits=limits, hidden=home)
    await pool.start()
    interpreters = SessionInterpreters(pool.workforce, pool.orders, limits)
    host = LocalSessions(
        home / "sessions", interpreters=interpreters, clock=system_clock, limits=LIMITS
    )
    await host.start()
    yield host
    await host.stop()
    await pool.stop(0)


@asynccontextmanager
async def a_played_one(home: Path) -> AsyncIterator[SessionHost]:
    yield PlayedSessions(LIMITS, interpreters=INTERPRETERS)


@asynccontextmanager
async def one_elsewhere(home: Path) -> AsyncIterator[SessionHost]:
    async with a_local_one(home) as host, compute_node(home / "node", sessions=host) as node:
        asker = Asker(Target("127.0.0.1", node.port, sealed=False), lambda: None)
        yield RemoteSessions(asker)
        await asker.close()


@pytest.fixture(params=[a_local_one, a_played_one, one_elsewhere])
async def host(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SessionHost]:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    maker: Open = request.param
    async with maker(home) as host:
        await host.open(ONE, PYTHON)
        yield host


async def put(host: SessionHost, shelf: Shelf, name: str, data: bytes) -> None:
    await host.write(ONE, shelf, name, in_pieces(data))


async def got(host: SessionHost, shelf: Shelf, name: str, session_id: str = ONE) -> bytes:
    content = await host.read(session_id, shelf, name)
    data = await whole(content.pieces, most=LIMITS.held)
    assert len(data) == content.size
    await content.close()
    return data


async def run(host: SessionHost, code: str, session_id: str = ONE) -> dict[str, object]:
    found: dict[str, object] = json.loads(await host.execute(session_id, code, {}, ()))
    return found


async def spinning(host: SessionHost) -> asyncio.Task[dict[str, object]]:
    """Return an execution that has begun and does not end by itself."""
    running = asyncio.ensure_future(run(host, SPINS))

    async def shown() -> None:
        while "on" not in await host.console_output(ONE):
            await asyncio.wait({running}, timeout=PERIOD_S)

    await asyncio.wait_for(shown(), DEADLINE_S)
    return running


async def kept(host: SessionHost) -> tuple[bytes, tuple[str, ...]]:
    archive = await host.keep(ONE)
    data = await whole(archive.content.pieces, most=LIMITS.held)
    assert len(data) == archive.content.size
    await archive.content.close()
    return data, archive.left_out


# ---- which sessions there are ----


async def test_an_opened_session_is_empty(host: SessionHost) -> None:
    assert await host.names(ONE, FILES) == await host.names(ONE, WORKSPACE) == []
    assert await host.history(ONE) == []
    assert await host.console_output(ONE) == ""


async def test_to_open_it_again_changes_nothing(host: SessionHost) -> None:
    await put(host, FILES, "a", b"1")
    await host.open(ONE, PYTHON)
    assert await host.names(ONE, FILES) == ["a"]


@pytest.mark.parametrize("session_id", ["", ".", "../x", "a/b", "a\0b", "a\n", "ä", "x" * 65])
async def test_an_id_that_could_lead_elsewhere_is_refused(
    host: SessionHost, session_id: str
) -> None:
    with pytest.raises(BadInput):
        await host.open(session_id, PYTHON)
    assert await host.known([session_id]) == set()


async def test_there_are_only_so_many(host: SessionHost) -> None:
    await host.open(OTHER, PYTHON)
    with pytest.raises(Busy):
        await host.open("3", PYTHON)
    await host.close(OTHER)
    await host.open("3", PYTHON)


async def test_a_host_tells_which_sessions_it_knows(host: SessionHost) -> None:
    assert await host.known([ONE, OTHER]) == {ONE}
    assert await host.known([]) == set()


ASKING: list[Asking] = [
    lambda host, one: host.names(one, FILES),
    lambda host, one: host.names(one, WORKSPACE),
    lambda host, one: host.write(one, FILES, "x", in_pieces(b"1")),
    lambda host, one: host.read(one, WORKSPACE, "x"),
    lambda host, one: host.delete(one, FILES, "x"),
    lambda host, one: host.execute(one, "a=1", {}, ()),
    lambda host, one: host.cancel(one),
    lambda host, one: host.console_output(one),
    lambda host, one: host.history(one),
    lambda host, one: host.keep(one),
    lambda host, one: host.fill(one, Content.of(zipped({}))),
]


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("session_id", [OTHER, "..", ""])
async def test_a_session_that_was_not_opened_is_not_found(
    host: SessionHost, ask: Asking, session_id: str
) -> None:
    with pytest.raises(SessionNotFound):
        await ask(host, session_id)


async def test_a_closed_session_is_not_found_and_may_be_closed_again(host: SessionHost) -> None:
    await host.close(ONE)
    with pytest.raises(SessionNotFound):
        await host.names(ONE, FILES)
    assert await host.known([ONE]) == set()
    await host.close(ONE)
    await host.close(OTHER, force=True)


# ---- what comes in and goes out ----


@pytest.mark.parametrize("shelf", list(Shelf))
async def test_what_is_put_in_is_listed_given_back_and_deleted(
    host: SessionHost, shelf: Shelf
) -> None:
    await put(host, shelf, "größe", b"1" * 90_000)
    await put(host, shelf, "größe", b"no pickle at all")
    await put(host, shelf, "a", b"")
    assert await host.names(ONE, shelf) == ["a", "größe"]
    assert await got(host, shelf, "größe") == b"no pickle at all"
    await host.delete(ONE, shelf, "a")
    assert await host.names(ONE, shelf) == ["größe"]


@pytest.mark.parametrize("shelf", list(Shelf))
@pytest.mark.parametrize("name", ["", "..", "../x", "/etc/passwd", "a\\b", "C:x", "a\0", "x" * 256])
async def test_a_name_that_could_lead_elsewhere_leads_nowhere(
    host: SessionHost, shelf: Shelf, name: str
) -> None:
    with pytest.raises(BadInput):
        await put(host, shelf, name, b"x")
    for ask in (host.read, host.delete):
        with pytest.raises(NotFound) as caught:
            await ask(ONE, shelf, name)
        assert not isinstance(caught.value, SessionNotFound)


async def test_an_object_is_named_as_its_language_names_variables(host: SessionHost) -> None:
    with pytest.raises(BadInput, match="Python identifier"):
        await put(host, WORKSPACE, "my.model", b"x")
    await put(host, FILES, "my.model", b"x")
    await host.open(OTHER, RuntimeKind.R)
    await host.write(OTHER, WORKSPACE, "my.model", in_pieces(b"x"))


@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("shelf", list(Shelf))
async def test_what_is_not_there_is_not_found_and_the_session_stays(
    host: SessionHost, shelf: Shelf, executed: bool
) -> None:
    if executed:
        await run(host, "a=1")
    for ask in (host.read, host.delete):
        with pytest.raises(NotFound) as caught:
            await ask(ONE, shelf, "x")
        assert not isinstance(caught.value, SessionNotFound)


async def test_a_session_holds_only_so_much(host: SessionHost) -> None:
    await put(host, FILES, "a", b"x" * 60_000)
    for shelf in Shelf:
        with pytest.raises(BodyTooLarge):
            await put(host, shelf, "b", b"x" * 40_001)
        assert "b" not in await host.names(ONE, shelf)
    await put(host, WORKSPACE, "b", b"x" * 40_000)


async def test_an_upload_that_breaks_leaves_what_was_there(host: SessionHost) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise BadInput("The caller went away.")

    await put(host, FILES, "a", b"before")
    with pytest.raises(BadInput, match="went away"):
        await host.write(ONE, FILES, "a", broken())
    assert await got(host, FILES, "a") == b"before"


# ---- what runs ----


async def test_an_answer_is_whole_and_knows_the_variables(host: SessionHost) -> None:
    found = json.loads(await host.execute(ONE, "b=2", {"a": [1, None, "é"]}, ("a", "b")))
    assert found.keys() == {
        "success",
        "errorMessage",
        "outputParameters",
        "consoleOutput",
        "changedFiles",
    }
    assert (found["success"], found["errorMessage"]) == (True, "")
    assert found["outputParameters"] == [
        {"name": "a", "value": [1, None, "é"]},
        {"name": "b", "value": 2},
    ]


async def test_with_the_first_execution_the_interpreter_takes_the_objects_over(
    host: SessionHost,
) -> None:
    await put(host, WORKSPACE, "b", SEVEN)
    await run(host, "a=1")
    await put(host, WORKSPACE, "c", SEVEN)
    with pytest.raises(BodyTooLarge):
        await put(host, WORKSPACE, "d", b"x" * 1001)
    assert await host.names(ONE, WORKSPACE) == ["a", "b", "c"]
    await host.delete(ONE, WORKSPACE, "a")
    assert await host.names(ONE, WORKSPACE) == ["b", "c"]
    assert await got(host, WORKSPACE, "b")


async def test_executions_of_one_session_end_in_the_order_they_were_asked_for(
    host: SessionHost,
) -> None:
    codes = [f"n={number}" for number in range(5)]
    ended: list[str] = []

    async def one(code: str) -> None:
        await run(host, code)
        ended.append(code)

    await asyncio.gather(*map(one, codes))
    assert await host.history(ONE) == ended == codes


async def test_a_run_is_interrupted_and_the_session_stays(host: SessionHost) -> None:
    running = await spinning(host)
    await host.cancel(ONE)
    found = await asyncio.wait_for(running, DEADLINE_S)
    assert not found["success"]
    assert "KeyboardInterrupt" in str(found["errorMessage"])
    await host.cancel(ONE)  # too late: it harms nothing
    assert (await run(host, "a=1"))["success"]


async def test_files_come_and_go_while_code_runs_and_objects_wait(host: SessionHost) -> None:
    running = await spinning(host)
    await put(host, FILES, "a", b"while it runs")
    assert await got(host, FILES, "a") == b"while it runs"
    waiting = asyncio.ensure_future(put(host, WORKSPACE, "b", SEVEN))
    await asyncio.wait({waiting}, timeout=0)
    assert not waiting.done()
    await host.cancel(ONE)
    await asyncio.wait_for(asyncio.gather(running, waiting), DEADLINE_S)
    assert await host.names(ONE, WORKSPACE) == ["b"]


async def test_what_is_being_uploaded_is_there_for_the_execution_that_follows(
    host: SessionHost,
) -> None:
    arrived = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield SEVEN[:2]
        await arrived.wait()
        yield SEVEN[2:]

    uploading = asyncio.ensure_future(host.write(ONE, WORKSPACE, "seven", slowly()))
    await asyncio.wait({uploading}, timeout=0)
    running = asyncio.ensure_future(run(host, "a=1"))
    arrived.set()
    await asyncio.wait_for(asyncio.gather(uploading, running), DEADLINE_S)
    assert await host.names(ONE, WORKSPACE) == ["a", "seven"]


async def test_only_so_many_sessions_execute_and_the_others_stay_as_they_were(
    host: SessionHost,
) -> None:
    await host.open(OTHER, PYTHON)
    await run(host, "a=1", OTHER)
    await put(host, WORKSPACE, "b", b"no pickle at all")
    with pytest.raises(Unavailable):
        await run(host, "a=1")
    assert await got(host, WORKSPACE, "b") == b"no pickle at all"
    await put(host, WORKSPACE, "c", b"x" * 1001)


@pytest.mark.parametrize("name", ["a b", "../x", ""])
async def test_an_input_that_is_no_variable_is_refused(host: SessionHost, name: str) -> None:
    with pytest.raises(BadInput):
        await host.execute(ONE, "a=1", {name: 1}, ())
    with pytest.raises(BadInput):
        await host.execute(ONE, "a=1", {}, (name,))
    await put(host, WORKSPACE, "c", b"x" * 1001)


# ---- how it ends ----


@pytest.mark.slow
async def test_a_session_whose_interpreter_died_is_gone_but_for_its_files(
    host: SessionHost,
) -> None:
    await put(host, FILES, "a", b"1")
    with pytest.raises(Gone):
        await run(host, DIES)
    for ask in (
        host.names(ONE, WORKSPACE),
        host.read(ONE, WORKSPACE, "x"),
        put(host, WORKSPACE, "x", SEVEN),
        host.delete(ONE, WORKSPACE, "x"),
        run(host, "a=1"),
        host.cancel(ONE),
        host.console_output(ONE),
        host.history(ONE),
        host.keep(ONE),
        host.fill(ONE, Content.of(zipped({"workspace/a": SEVEN}))),
    ):
        with pytest.raises(Gone):
            await ask
    assert await got(host, FILES, "a") == b"1"
    await host.close(ONE)
    assert await host.known([ONE]) == set()


@pytest.mark.parametrize("force", [False, True])
async def test_closing_ends_what_runs_and_what_waits(host: SessionHost, force: bool) -> None:
    running = await spinning(host)
    waiting = asyncio.ensure_future(run(host, "a=1"))
    await asyncio.wait({waiting}, timeout=0)
    await asyncio.wait_for(host.close(ONE, force=force), DEADLINE_S)
    with pytest.raises(Gone):
        await asyncio.wait_for(running, DEADLINE_S)
    with pytest.raises(SessionNotFound):
        await asyncio.wait_for(waiting, DEADLINE_S)


# ---- what is kept ----


@pytest.mark.parametrize("executed", [False, True])
async def test_what_is_kept_fills_another_session(host: SessionHost, executed: bool) -> None:
    await put(host, FILES, "wein ü.csv", b"1,2")
    await put(host, WORKSPACE, "größe", SEVEN)
    data, left_out = await kept(host)
    await host.open(OTHER, PYTHON)
    if executed:
        await run(host, "a=1", OTHER)
    await host.fill(OTHER, Content.of(data))
    assert left_out == ()
    assert await got(host, FILES, "wein ü.csv", OTHER) == b"1,2"
    assert await host.names(OTHER, WORKSPACE) == ["a", "größe"][not executed :]


async def test_what_was_executed_is_kept_without_what_cannot_be_pickled(host: SessionHost) -> None:
    await run(host, "a=1")
    await run(host, LEAVES_OUT)
    data, left_out = await kept(host)
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["workspace/a"]
    assert left_out == ("g",)


async def test_equal_content_is_kept_as_equal_bytes(host: SessionHost) -> None:
    for name in ("b", "a"):
        await put(host, FILES, name, b"1")
    first = await kept(host)
    await put(host, FILES, "b", b"1")
    assert await kept(host) == first
    await put(host, FILES, "b", b"2")
    assert await kept(host) != first


async def test_filling_overwrites_what_it_names_and_leaves_the_rest(host: SessionHost) -> None:
    for name in ("a", "b"):
        await put(host, FILES, name, b"before")
    await host.fill(ONE, Content.of(zipped({"files/a": b"after", "workspace/x": SEVEN})))
    assert await got(host, FILES, "a") == b"after"
    assert await got(host, FILES, "b") == b"before"
    assert await got(host, WORKSPACE, "x") == SEVEN


@pytest.mark.parametrize("data", [b"", b"no archive", zipped({"files/a": b"x"})[:-5]])
async def test_what_is_no_bundle_fills_nothing(host: SessionHost, data: bytes) -> None:
    with pytest.raises(BundleRejected):
        await host.fill(ONE, Content.of(data))
    assert await host.names(ONE, FILES) == []


async def test_more_than_a_session_may_hold_fills_nothing(host: SessionHost) -> None:
    await put(host, FILES, "a", b"x" * 90_000)
    with pytest.raises(BodyTooLarge):
        await host.fill(ONE, Content.of(zipped({"files/b": b"x" * 10_001})))
    assert await host.names(ONE, FILES) == ["a"]
