"""What a compute node answers about sessions, as it is asked on the wire."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hermetic.client.sessions import LEFT_OUT
from hermetic.http.limits import WireLimits
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from tests.support.computenode import compute_node
from tests.support.hosting import LEAVES_OUT, PlayedSessions

ID, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
ONE = f"/sessions/{ID}"
LIMITS = WireLimits(call_bytes=1000, upload_bytes=2000)


@pytest.fixture
async def host() -> PlayedSessions:
    host = PlayedSessions()
    await host.open(ID, RuntimeKind.PYTHON)
    return host


@pytest.fixture
async def asked(tmp_path: Path, host: PlayedSessions) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        compute_node(tmp_path, sessions=host, limits=LIMITS) as node,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{node.port}", trust_env=False) as client,
    ):
        yield client


async def execute(asked: httpx2.AsyncClient, code: str) -> httpx2.Response:
    return await asked.post(f"{ONE}/execute", json={"code": code, "inputs": {}, "outputs": []})


async def test_a_session_is_opened_and_closed(
    asked: httpx2.AsyncClient, host: PlayedSessions
) -> None:
    path = f"/sessions/{OTHER}"
    assert (await asked.put(path, json={"runtimeType": "Python"})).status_code == 201
    assert (await asked.post("/sessions/known", json={"ids": [OTHER]})).json() == {"ids": [OTHER]}
    assert (await asked.delete(path)).status_code == 200
    assert (await asked.delete(f"{ONE}/force")).status_code == 200
    assert host.sessions == {}


async def test_a_runtime_that_there_is_not_is_refused(
    asked: httpx2.AsyncClient, host: PlayedSessions
) -> None:
    bodies: list[object] = [{"runtimeType": "Fortran"}, {"runtimeType": 5}, {}, []]
    for body in bodies:
        assert (await asked.put(f"/sessions/{OTHER}", json=body)).status_code == 400
    assert OTHER not in host.sessions


async def test_a_thing_goes_in_and_comes_out(asked: httpx2.AsyncClient) -> None:
    path = f"{ONE}/files/a%20b.txt"
    assert (await asked.put(path, content=b"hello")).status_code == 201
    assert (await asked.get(f"{ONE}/files")).json() == ["a b.txt"]
    answer = await asked.get(path)
    assert (answer.content, answer.headers["content-length"]) == (b"hello", "5")
    assert (await asked.delete(path)).status_code == 200
    assert (await asked.get(path)).status_code == 404


async def test_a_shelf_that_there_is_not_is_not_found(asked: httpx2.AsyncClient) -> None:
    for shelf in ("drawer", "FILES"):
        answers = [
            await asked.get(f"{ONE}/{shelf}"),
            await asked.get(f"{ONE}/{shelf}/x"),
            await asked.put(f"{ONE}/{shelf}/x", content=b"1"),
            await asked.delete(f"{ONE}/{shelf}/x"),
        ]
        assert {one.status_code for one in answers} == {404}


async def test_more_than_may_be_sent_is_refused_and_not_kept(
    asked: httpx2.AsyncClient, host: PlayedSessions
) -> None:
    assert (await asked.put(f"{ONE}/files/x", content=bytes(2001))).status_code == 413
    assert (await asked.put(f"{ONE}/archive", content=bytes(2001))).status_code == 413
    assert (await execute(asked, "x" * 1001)).status_code == 413
    assert host.sessions[ID].held == 0
    assert host.sessions[ID].ran == []


async def test_code_is_run_and_remembered(asked: httpx2.AsyncClient) -> None:
    body = {"code": "x=1", "inputs": {"y": 2}, "outputs": ["y"]}
    answer = await asked.post(f"{ONE}/execute", json=body)
    assert answer.json()["outputParameters"] == [{"name": "y", "value": 2}]
    assert (await asked.get(f"{ONE}/history")).json() == ["x=1"]
    assert (await asked.get(f"{ONE}/console-output")).json() == {"consoleOutput": "x=1"}


async def test_a_session_is_kept_and_filled_into_another(
    asked: httpx2.AsyncClient, host: PlayedSessions
) -> None:
    await asked.put(f"{ONE}/files/a", content=b"1")
    await execute(asked, LEAVES_OUT)
    kept = await asked.get(f"{ONE}/archive")
    assert json.loads(httpx2.URL(f"?x={kept.headers[LEFT_OUT]}").params["x"]) == ["g"]
    await host.open(OTHER, RuntimeKind.PYTHON)
    filled = await asked.put(f"/sessions/{OTHER}/archive", content=kept.content)
    assert filled.status_code == 200
    assert host.sessions[OTHER].shelves[Shelf.FILES] == {"a": b"1"}


async def test_a_session_that_is_not_here_is_not_found(asked: httpx2.AsyncClient) -> None:
    path = f"/sessions/{OTHER}"
    answers = [
        await asked.get(f"{path}/files"),
        await asked.get(f"{path}/history"),
        await asked.get(f"{path}/archive"),
        await asked.post(f"{path}/cancel"),
        await asked.put(f"{path}/files/x", content=b"1"),
    ]
    assert {one.status_code for one in answers} == {404}
    assert {one.json()["type"] for one in answers} == {"/problems/session-not-found"}


async def test_code_is_interrupted(asked: httpx2.AsyncClient, host: PlayedSessions) -> None:
    assert (await asked.post(f"{ONE}/cancel")).status_code == 200
    assert host.cancelled == [ID]
