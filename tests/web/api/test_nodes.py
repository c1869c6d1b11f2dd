"""The compute nodes over HTTP: ML Server's `/computenodes`, and how nodes are."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hermetic.access.principals import Role
from hermetic.gateway.nodes import ComputeNodes
from tests.support.computenode import ComputeNode, compute_node
from tests.support.waiting import until
from tests.support.webnode import WebNode, web_node

ONE, RANGE = "http://127.0.0.1:1", "http://127.0.0.1:3-4"
MOST = "/computenodes"


@pytest.fixture
async def nodes() -> AsyncIterator[ComputeNodes]:
    nodes = ComputeNodes(lambda: None, period_s=0.05)
    yield nodes
    await nodes.stop()


@pytest.fixture
async def web(tmp_path: Path, nodes: ComputeNodes) -> AsyncIterator[WebNode]:
    async with web_node(tmp_path, nodes=nodes) as running:
        yield running


@pytest.fixture
async def compute(tmp_path: Path) -> AsyncIterator[ComputeNode]:
    async with compute_node(tmp_path / "compute") as running:
        yield running


async def change(web: WebNode, method: str, *entries: str) -> httpx2.Response:
    return await web.client.request(method, MOST, json={"entries": list(entries)})


async def listed(web: WebNode) -> list[str]:
    found: list[str] = (await web.client.get(MOST)).json()["computeNodes"]
    return found


async def test_entries_are_added_replaced_and_removed(web: WebNode) -> None:
    answer = await change(web, "PUT", ONE, RANGE)
    assert (answer.status_code, answer.json()) == (200, {})
    assert await listed(web) == [ONE, RANGE]
    assert (await change(web, "DELETE", ONE)).status_code == 200
    assert await listed(web) == [RANGE]
    assert (await change(web, "POST", ONE)).status_code == 200
    assert await listed(web) == [ONE]


async def test_an_entry_that_is_none_is_refused_with_what_is_wrong(web: WebNode) -> None:
    await change(web, "PUT", ONE)
    for method in ("PUT", "POST"):
        for wrong, text in {
            "http://10.0.0.9-1:80": "write the smaller number first, 1-9",
            "http://10.0.0.0-256": "write a number from 0 to 255",
            "compute-1:12805": "begin with https:// or http://",
            "https://me:word@compute-1": "leave it out",
            "": "write a URI such as",
        }.items():
            answer = await change(web, method, RANGE, wrong)
            assert answer.status_code == 400
            assert text in answer.json()["detail"]
            assert "word@" not in answer.text
    assert await listed(web) == [ONE]


async def test_an_unknown_entry_is_not_found_and_nothing_is_removed(web: WebNode) -> None:
    await change(web, "PUT", ONE)
    answer = await change(web, "DELETE", ONE, RANGE)
    assert answer.status_code == 404
    assert f"there are {ONE}" in answer.json()["detail"]
    assert await listed(web) == [ONE]


async def test_a_body_of_another_shape_says_where(web: WebNode) -> None:
    for body, pointer in (({"entries": "x"}, "/entries"), ({"entries": [1]}, "/entries/0")):
        answer = await web.client.put(MOST, json=body)
        assert (answer.status_code, answer.json()["fields"]) == (400, pointer)
    assert (await web.client.post("/nodes/drain", json={})).status_code == 400


@pytest.mark.parametrize("role", [Role.CONTRIBUTOR, Role.READER])
async def test_everybody_may_look_and_only_an_owner_change(web: WebNode, role: Role) -> None:
    await change(web, "PUT", ONE)
    async with web.holding("somebody", role) as other:
        assert (await other.get(MOST)).json() == {"computeNodes": [ONE]}
        assert (await other.get("/nodes")).json()[0]["uri"] == ONE
        for method in ("POST", "PUT", "DELETE"):
            answer = await other.request(method, MOST, json={"entries": [RANGE]})
            assert answer.status_code == 403
        for what in ("drain", "undrain", "restart"):
            assert (await other.post(f"/nodes/{what}", json={"uri": ONE})).status_code == 403
    assert await listed(web) == [ONE]
    assert (await web.client.get("/nodes")).json()[0]["drainingSince"] is None


async def test_nobody_in_particular_may_not_even_look(web: WebNode) -> None:
    async with web.anybody() as stranger:
        answers = [await stranger.get(path) for path in (MOST, "/nodes")]
        answers.append(await stranger.put(MOST, json={"entries": [ONE]}))
    assert {one.status_code for one in answers} == {401}


async def test_a_node_that_answers_is_shown_as_it_is(
    web: WebNode, nodes: ComputeNodes, compute: ComputeNode
) -> None:
    await change(web, "PUT", f"http://127.0.0.1:{compute.port}", ONE)
    await until(lambda: [one.status is None for one in nodes] == [False, True])
    await until(lambda: next(iter(nodes)).status is not None)
    ready, gone = (await web.client.get("/nodes")).json()
    assert (ready["state"], ready["trouble"], ready["version"]) == ("ready", "", "0.0-test")
    assert (ready["workers"], ready["busy"], ready["most"], ready["queued"]) == (2, 0, 2, 0)
    assert ready["startedAt"]
    assert abs(ready["clockAheadS"]) < 1
    assert (gone["state"], gone["workers"], gone["startedAt"]) == ("unreachable", 0, "")
    assert "does not answer" in gone["trouble"] or gone["trouble"] == "Not asked yet."


async def test_a_drained_node_is_said_to_be_and_taken_back(
    web: WebNode, nodes: ComputeNodes, compute: ComputeNode
) -> None:
    uri = f"http://127.0.0.1:{compute.port}"
    await change(web, "PUT", uri)
    await until(lambda: all(one.status is not None for one in nodes))
    assert (await web.client.post("/nodes/drain", json={"uri": uri})).status_code == 200
    (node,) = (await web.client.get("/nodes")).json()
    assert (node["state"], node["drainingSince"][-1]) == ("draining", "Z")
    assert (await web.client.post("/nodes/undrain", json={"uri": f"{uri}/"})).status_code == 200
    (node,) = (await web.client.get("/nodes")).json()
    assert (node["state"], node["drainingSince"]) == ("ready", None)


async def test_a_node_whose_workers_fail_is_failing_and_says_what(
    web: WebNode, nodes: ComputeNodes, compute: ComputeNode
) -> None:
    compute.execution.alive = False
    await change(web, "PUT", f"http://127.0.0.1:{compute.port}")
    await until(lambda: any(one.status and one.status.status_code != "pass" for one in nodes))
    (node,) = (await web.client.get("/nodes")).json()
    assert (node["state"], node["trouble"]) == (
        "failing",
        "workers: No worker answers.",
    )


async def test_a_node_is_restarted_and_one_that_is_none_is_not_found(
    web: WebNode, compute: ComputeNode
) -> None:
    uri = f"http://127.0.0.1:{compute.port}"
    await change(web, "PUT", uri)
    assert (await web.client.post("/nodes/restart", json={"uri": uri})).status_code == 202
    assert compute.restarts == [None]
    for what in ("restart", "drain", "undrain"):
        answer = await web.client.post(f"/nodes/{what}", json={"uri": "http://127.0.0.1:9"})
        assert answer.status_code == 404
        assert uri in answer.json()["detail"]


async def test_one_box_has_none_to_ask_about(tmp_path: Path) -> None:
    async with web_node(tmp_path) as box:
        assert (await box.client.get(MOST)).status_code == 404
        assert (await box.client.get("/nodes")).status_code == 404
