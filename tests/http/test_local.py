"""HTTP at the socket in a home: who is answered there, and who is not."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response

from hermetic.client.local import SOCKET, answers_in
from hermetic.http import local
from hermetic.http.endpoint import Endpoint, principal_of
from hermetic.http.endpoint import json as json_answer
from hermetic.http.local import OWNER, LocalDoor
from hermetic.wire.openapi import Operation
from tests.support.waiting import until

CURL = shutil.which("curl")
NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


async def who(request: Request) -> Response:
    one = principal_of(request)
    return json_answer({"name": one.name, "role": one.role.value})


WHO = Endpoint(Operation("GET", "/who", "who", "Says who asks.", "Test"), who)


@asynccontextmanager
async def answering(home: Path) -> AsyncIterator[None]:
    task = asyncio.ensure_future(LocalDoor(home, [WHO]).run())
    await until(lambda: answers_in(home))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def asked(home: Path, path: str, *before: str, token: str = "-") -> tuple[int, bytes]:
    """Return what curl gets, started by the words *before* it."""
    assert CURL is not None
    words = [*before, CURL, "-sS", "--unix-socket", f"./{SOCKET}", "-w", "\n%{http_code}"]
    done = await asyncio.to_thread(
        subprocess.run,
        [*words, "-H", f"Authorization: Bearer {token}", f"http://localhost{path}"],
        cwd=home,
        capture_output=True,
        timeout=30,
        check=True,
    )
    body, _, status = done.stdout.rpartition(b"\n")
    return int(status), body


async def test_the_owner_is_answered_without_a_token_that_anybody_gave(tmp_path: Path) -> None:
    async with answering(tmp_path):
        status, body = await asked(tmp_path, "/who")
    assert (status, json.loads(body)) == (200, {"name": OWNER.name, "role": "Owner"})


@needs_root
async def test_another_user_is_not_even_where_modes_let_them_in() -> None:
    """The kernel says who asks: modes that somebody loosened open nothing."""
    folder = Path("/tmp") / f"hermetic-door-{os.getpid()}"
    folder.mkdir(mode=0o755)
    somebody = "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"
    try:
        async with answering(folder):
            (folder / SOCKET).chmod(0o777)
            status, body = await asked(folder, "/who", *somebody)
            assert status == 403
            assert "owner of the home" in json.loads(body)["detail"]
            assert (await asked(folder, "/who"))[0] == 200
    finally:
        shutil.rmtree(folder)


async def test_there_is_nothing_else(tmp_path: Path) -> None:
    async with answering(tmp_path):
        status, body = await asked(tmp_path, "/services")
        assert (status, json.loads(body)["type"]) == (404, "/problems/not-found")
        assert (await asked(tmp_path, "/who/%2e%2e%2fx"))[0] == 400


async def test_a_home_may_lie_as_deep_as_it_likes(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    async with answering(deep):
        assert (await asked(deep, "/who"))[0] == 200


async def test_what_a_killed_node_left_is_replaced_and_what_is_over_is_gone(
    tmp_path: Path,
) -> None:
    (tmp_path / SOCKET).write_text("left behind")
    async with answering(tmp_path):
        assert (await asked(tmp_path, "/who"))[0] == 200
    assert not (tmp_path / SOCKET).exists()


async def test_where_there_can_be_no_socket_the_node_serves_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> None:
        raise OSError("Operation not supported")

    monkeypatch.setattr(local, "_bound", refused)
    with structlog.testing.capture_logs() as lines:
        task = asyncio.ensure_future(LocalDoor(tmp_path, [WHO]).run())
        await until(lambda: any(one["event"] == "local.not_answering" for one in lines))
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
