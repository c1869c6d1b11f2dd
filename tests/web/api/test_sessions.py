"""Sessions over HTTP."""

import pytest

from hermetic.access.principals import Role
from tests.support.hosting import DIES
from tests.support.webnode import WebNode

PYTHON = {"runtimeType": "Python"}
OCTETS = {"content-type": "application/octet-stream"}


async def opened(web: WebNode) -> str:
    """Open a session and return its address."""
    answer = await web.client.post("/sessions", json=PYTHON)
    assert answer.status_code == 201
    return f"/sessions/{answer.json()['sessionId']}"


async def test_an_open_session_is_listed_for_its_owner_alone(web: WebNode) -> None:
    session = await opened(web)
    listed = (await web.client.get("/sessions")).json()
    assert listed == [{"id": session[10:], "name": None, "owner": "admin", "runtimeType": "Python"}]
    async with web.holding("eve", Role.OWNER) as other:
        assert (await other.get("/sessions")).json() == []
        assert (await other.get(f"{session}/files")).status_code == 404


async def test_a_closed_session_is_gone(web: WebNode) -> None:
    for ending in ("", "/force"):
        session = await opened(web)
        assert (await web.client.delete(session + ending)).status_code == 200
        assert (await web.client.delete(session)).status_code == 404


async def test_an_object_comes_back_as_it_was(web: WebNode) -> None:
    session = await opened(web)
    path, data = f"{session}/workspace/model", bytes(range(256)) * 9000
    assert (await web.client.post(path, content=data, headers=OCTETS)).status_code == 200
    assert (await web.client.get(f"{session}/workspace")).json() == ["model"]
    answer = await web.client.get(path)
    assert (answer.content, answer.headers["content-type"]) == (data, OCTETS["content-type"])
    assert (await web.client.delete(path)).status_code == 200
    assert (await web.client.get(path)).status_code == 404


async def test_a_file_comes_back_as_it_was(web: WebNode) -> None:
    session, data = await opened(web), b"a\r\n--b\r\n" * 50_000
    answer = await web.client.post(f"{session}/files", files={"file": ("wein ü.csv", data)})
    assert answer.status_code == 201
    assert (await web.client.get(f"{session}/files")).json() == ["wein ü.csv"]
    got = await web.client.get(f"{session}/files/wein ü.csv")
    assert got.content == data
    assert (await web.client.delete(f"{session}/files/wein ü.csv")).status_code == 200
    assert (await web.client.get(f"{session}/files")).json() == []


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", "..", "a\\b", "a\tb"])
async def test_a_file_name_that_leads_elsewhere_is_refused(web: WebNode, name: str) -> None:
    session = await opened(web)
    form = (
        f'--B\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\nx\r\n--B--'
    )
    headers = {"content-type": "multipart/form-data; boundary=B"}
    answer = await web.client.post(f"{session}/files", content=form.encode(), headers=headers)
    assert answer.status_code == 400
    assert (await web.client.get(f"{session}/files")).json() == []


async def test_half_a_form_leaves_the_old_file(web: WebNode) -> None:
    session = await opened(web)
    await web.client.post(f"{session}/files", files={"file": ("a", b"old")})
    half = b'--B\r\nContent-Disposition: form-data; filename="a"\r\n\r\nnew'
    headers = {"content-type": "multipart/form-data; boundary=B"}
    answer = await web.client.post(f"{session}/files", content=half, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed-body")
    assert (await web.client.get(f"{session}/files/a")).content == b"old"


async def test_code_runs_with_its_inputs(web: WebNode) -> None:
    session = await opened(web)
    body = {
        "code": "y = x",
        "inputParameters": [{"name": "x", "value": [1, None, "é"]}],
        "outputParameters": ["x"],
    }
    answer = (await web.client.post(f"{session}/execute", json=body)).json()
    assert answer["outputParameters"] == [{"name": "x", "value": [1, None, "é"]}]
    assert (await web.client.get(f"{session}/history")).json() == ["y = x"]
    console = (await web.client.get(f"{session}/console-output")).json()
    assert console == {"consoleOutput": "y = x"}


async def test_a_run_can_be_cancelled(web: WebNode) -> None:
    session = await opened(web)
    assert (await web.client.post(f"{session}/cancel")).status_code == 200
    assert web.host.cancelled == [session[10:]]


async def test_a_session_whose_interpreter_died_is_gone(web: WebNode) -> None:
    session = await opened(web)
    await web.client.post(f"{session}/execute", json={"code": DIES})
    assert (await web.client.get(f"{session}/workspace")).status_code == 410


async def test_a_session_that_ended_with_its_node_is_told_once(web: WebNode) -> None:
    session = await opened(web)
    web.host.sessions.clear()
    answer = await web.client.get(f"{session}/files")
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/gone")
    assert "open a new session" in answer.json()["message"]
    assert (await web.client.get(f"{session}/files")).status_code == 404


async def test_a_node_that_does_not_answer_is_unavailable_and_keeps_its_sessions(
    web: WebNode,
) -> None:
    session = await opened(web)
    web.host.answers = False
    assert (await web.client.get(f"{session}/files")).status_code == 503
    web.host.answers = True
    assert (await web.client.get(f"{session}/files")).status_code == 200


async def test_a_snapshot_is_merged_into_another_session(web: WebNode) -> None:
    first, second = await opened(web), await opened(web)
    await web.client.post(f"{first}/workspace/model", content=b"bytes", headers=OCTETS)
    answer = await web.client.post(f"{first}/snapshot", json={"name": None})
    assert answer.status_code == 201
    snapshot = answer.json()["snapshotId"]
    assert (await web.client.post(f"{second}/loadsnapshot/{snapshot}")).status_code == 200
    assert (await web.client.get(f"{second}/workspace/model")).content == b"bytes"


@pytest.mark.parametrize("runtime", ["Realtime", "Perl"])
async def test_a_session_of_an_unknown_runtime_is_refused(web: WebNode, runtime: str) -> None:
    assert (await web.client.post("/sessions", json={"runtimeType": runtime})).status_code == 400
