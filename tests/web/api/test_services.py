"""Publishing, showing, changing and retiring services over HTTP."""

import re

import pytest

from hermetic.access.principals import Role
from tests.support.archives import zipped
from tests.support.webnode import WebNode

BODY: dict[str, object] = {
    "code": "answer = x + y",
    "initCode": "import math",
    "description": "Adds.",
    "operationId": "add",
    "inputParameterDefinitions": [
        {"name": "x", "type": "numeric"},
        {"name": "y", "type": "numeric"},
    ],
    "outputParameterDefinitions": [{"name": "answer", "type": "numeric"}],
    "runtimeType": "Python",
    "outputFileNames": ["a.txt"],
}
ADD = "/services/add/1.0"


async def publish(web: WebNode, path: str = ADD, **changes: object) -> object:
    """Publish, and return what the node said."""
    answer = await web.client.post(path, json=BODY | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_published_service_is_shown_with_all_its_members(web: WebNode) -> None:
    await publish(web)
    shown = (await web.client.get(ADD)).json()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}", shown.pop("creationTime"))
    assert shown == BODY | {
        "name": "add",
        "version": "1.0",
        "versionPublishedBy": "admin",
        "snapshotId": None,
        "myPermissionOnService": "read/write",
        "idempotent": False,
    }


async def test_calls_may_be_tried_again_once_that_is_said(web: WebNode) -> None:
    await publish(web, idempotent=True)
    for body, expected in (({"description": "d"}, True), ({"idempotent": False}, False)):
        assert (await web.client.patch(ADD, json=body)).status_code == 200
        assert (await web.client.get(ADD)).json()["idempotent"] is expected


async def test_what_nobody_declared_is_an_empty_list_and_no_alias_is_null(web: WebNode) -> None:
    await web.client.post(ADD, json={"code": "1", "runtimeType": "Python", "operationId": ""})
    shown = (await web.client.get(ADD)).json()
    for name in ("inputParameterDefinitions", "outputParameterDefinitions", "outputFileNames"):
        assert shown[name] == []
    assert (shown["operationId"], shown["description"]) == (None, None)


async def test_publishing_answers_with_the_version(web: WebNode) -> None:
    assert await publish(web) == "1.0"
    assert re.fullmatch(r"[0-9a-f-]{36}", str(await publish(web, "/services/add")))


async def test_a_published_service_can_be_called(web: WebNode) -> None:
    await publish(web)
    answer = await web.client.post("/api/add/1.0", json={"x": 1, "y": 2})
    assert answer.json()["outputParameters"] == {"answer": 3}


async def test_versions_are_listed_in_the_order_of_publication(web: WebNode) -> None:
    for version in ("2.0", "1.0", "3.0"):
        await publish(web, f"/services/add/{version}")
    await publish(web, "/services/other/1.0")
    listed = (await web.client.get("/services/add")).json()
    assert [one["version"] for one in listed] == ["2.0", "1.0", "3.0"]
    assert len((await web.client.get("/services")).json()) == 4


async def test_an_unknown_name_is_an_empty_list_but_an_unknown_version_is_not_found(
    web: WebNode,
) -> None:
    assert (await web.client.get("/services/nothing")).json() == []
    answer = await web.client.get("/services/nothing/1.0")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/service-not-found")


async def test_the_same_version_twice_is_a_conflict(web: WebNode) -> None:
    await publish(web)
    answer = await web.client.post(ADD, json=BODY)
    assert (answer.status_code, answer.json()["exceptionType"]) == (409, "ServiceExists")


async def test_a_patch_changes_what_it_names_and_keeps_the_rest(web: WebNode) -> None:
    await publish(web)
    answer = await web.client.patch(ADD, json={"description": "Sums.", "code": None})
    assert (answer.status_code, answer.json()) == (200, "1.0")
    shown = (await web.client.get(ADD)).json()
    assert (shown["description"], shown["code"]) == ("Sums.", BODY["code"])


async def test_a_patch_of_nothing_is_not_found(web: WebNode) -> None:
    assert (await web.client.patch(ADD, json={"code": "1"})).status_code == 404


async def test_a_retired_service_is_gone_at_once(web: WebNode) -> None:
    await publish(web)
    assert (await web.client.delete(ADD)).status_code == 200
    assert (await web.client.post("/api/add/1.0", json={})).status_code == 404
    assert (await web.client.delete(ADD)).status_code == 404


async def test_a_delete_with_a_content_type_and_no_body_is_accepted(web: WebNode) -> None:
    await publish(web)
    headers = {"content-type": "application/json", "content-length": "0"}
    assert (await web.client.get(ADD, headers=headers)).status_code == 200
    assert (await web.client.delete(ADD, headers=headers)).status_code == 200


async def test_a_service_that_does_not_load_is_refused_with_its_traceback(web: WebNode) -> None:
    answer = await web.client.post(ADD, json=BODY | {"code": "raise ValueError"})
    assert (answer.status_code, answer.json()["traceback"]) == (400, "Traceback")
    assert (await web.client.get("/services")).json() == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"code": 1}, "/code"),
        (
            {"inputParameterDefinitions": [{"name": "x", "type": 3}]},
            "/inputParameterDefinitions/0/type",
        ),
        ({"inputParameterDefinitions": [{"type": "numeric"}]}, "/inputParameterDefinitions/0"),
        ({"outputFileNames": "a.txt"}, "/outputFileNames"),
    ],
)
async def test_a_member_of_the_wrong_type_is_pointed_at(
    web: WebNode, change: dict[str, object], pointer: str
) -> None:
    answer = await web.client.post(ADD, json=BODY | change)
    assert answer.status_code == 400
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "change",
    [
        {"runtimeType": "Perl"},
        {"inputParameterDefinitions": [{"name": "x", "type": "tensor"}]},
        {"inputParameterDefinitions": [{"name": "not a name", "type": "numeric"}]},
        {"outputFileNames": ["../a.txt"]},
        {"entry": {"kind": "magic", "target": "x"}},
        {"code": None},
        {"bundle": "0" * 64},
    ],
)
async def test_what_cannot_be_published_is_refused_in_a_sentence(
    web: WebNode, change: dict[str, object]
) -> None:
    answer = await web.client.post(ADD, json=BODY | change)
    assert answer.status_code in {400, 404}
    assert answer.json()["message"].endswith(".")
    assert (await web.client.get("/services")).json() == []


@pytest.mark.parametrize("body", [b"", b"{", b'{"code": NaN}', b"\xff", b"[1]", b'"x"', b"null"])
async def test_a_body_that_is_no_json_object_is_refused(web: WebNode, body: bytes) -> None:
    answer = await web.client.post(ADD, content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


async def test_a_reader_may_look_and_not_publish(web: WebNode) -> None:
    await publish(web)
    async with web.holding("rita", Role.READER) as reader:
        shown = (await reader.get(ADD)).json()
        assert (shown["code"], shown["myPermissionOnService"]) == (None, "read only")
        assert (await reader.post("/services/mine/1.0", json=BODY)).status_code == 403
        assert (await reader.delete(ADD)).status_code == 403


async def test_an_uploaded_bundle_can_be_published(web: WebNode) -> None:
    archive = zipped({"files/score.py": b"def run(x): return x"})
    answer = await web.client.post(
        "/bundles", content=archive, headers={"content-type": "application/zip"}
    )
    assert answer.status_code == 201
    body = {
        "bundle": answer.json()["digest"],
        "entry": {"kind": "script", "target": "score.py"},
        "runtimeType": "Python",
    }
    assert (await web.client.post(ADD, json=body)).status_code == 201


async def test_an_upload_that_is_no_archive_is_refused(web: WebNode) -> None:
    answer = await web.client.post("/bundles", content=b"not a zip")
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bundle-rejected")


async def test_a_service_describes_itself(web: WebNode) -> None:
    await publish(web)
    described = (await web.client.get("/api/add/1.0/swagger.json")).json()
    assert described["paths"]["/api/add/1.0"]["post"]["operationId"] == "add"
    assert (await web.client.get("/api/sub/1.0/swagger.json")).status_code == 404


async def test_a_call_of_nothing_is_not_found(web: WebNode) -> None:
    answer = await web.client.post("/api/nothing/1.0", json={})
    assert (answer.status_code, answer.json()["service"]) == (404, "nothing")


async def test_a_call_by_another_method_is_not_allowed(web: WebNode) -> None:
    await publish(web)
    answer = await web.client.get("/api/add/1.0")
    assert (answer.status_code, answer.headers["allow"]) == (405, "OPTIONS, POST")
