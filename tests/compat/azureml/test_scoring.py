"""Calls of deployments: where, with what, and what comes back."""

from typing import Any

import pytest

from hermetic.errors import DeadlineExceeded, WorkerDied
from hermetic.serving.exchange import HttpRequest, HttpResponse
from tests.compat.azureml.conftest import Desk
from tests.support.asking import Reply, ask
from tests.support.deploying import ANNA

PATH = "/api/v1/service/wine/score"


@pytest.fixture
async def key(desk: Desk) -> str:
    """The key of a service on a compute with TLS."""
    await desk.create()
    await desk.deploy()
    return desk.deck.deployments.keys(ANNA, "wine").primary


def host(desk: Desk) -> str:
    return desk.deck.computes.find("cluster").tls.host


async def called(
    desk: Desk, key: str, method: str = "POST", path: str = PATH, **more: Any
) -> Reply:
    body = more.pop("body", {"x": 1})
    where = more.pop("host", f"{host(desk)}:12800")
    return await ask(desk.sealed, method, path, body, host=where, token=key, **more)


async def test_a_call_is_answered_with_what_the_script_said(desk: Desk, key: str) -> None:
    answer = await called(desk, key, x_told="a word")
    assert (answer.status, answer.json) == (200, {"x": 1})
    assert answer.fields["x-ms-run-function-failed"] == "False"
    assert float(answer.fields["x-ms-run-fn-exec-ms"]) >= 0
    assert answer.fields["x-ms-request-id"] == "test-1"
    (request,) = desk.deck.execution.requests
    assert dict(request.headers)["x-told"] == "a word"
    assert request.path == "/score"


async def test_a_script_sees_no_key(desk: Desk, key: str) -> None:
    await called(desk, key, cookie="a=b")
    (request,) = desk.deck.execution.requests
    assert not {"authorization", "cookie"} & set(dict(request.headers))
    assert key not in str(request)


async def test_who_shows_nothing_reaches_no_worker(desk: Desk, key: str) -> None:
    for wrong in ("", "wrong", desk.token):
        answer = await called(desk, wrong)
        assert answer.status == 401
        assert answer.fields["www-authenticate"]
    assert desk.deck.execution.requests == []


@pytest.mark.parametrize("where", ["10.0.0.7:12800", "localhost:12800", "other.test", ""])
async def test_it_is_called_by_its_own_name_alone(desk: Desk, key: str, where: str) -> None:
    assert (await called(desk, key, host=where)).status == 404


async def test_a_front_end_knows_its_own_services_alone(desk: Desk, key: str) -> None:
    ssl = {"status": "Auto", "leafDomainLabel": "other"}
    body = {"properties": {"computeType": "AKS", "properties": {"sslConfiguration": ssl}}}
    await desk.ended(await desk.ask("PUT", "{W}/computes/beer", body))
    other = desk.deck.computes.find("beer").tls.host
    assert (await called(desk, key, host=other)).status == 404


async def test_what_is_sealed_is_not_answered_without_tls(desk: Desk, key: str) -> None:
    answer = await ask(desk.plain, "POST", PATH, {}, host="10.0.0.7:8080", token=key)
    assert answer.status == 404


async def test_what_goes_without_tls_is_answered_there_alone(desk: Desk) -> None:
    await desk.create()
    await desk.deploy(kvTags={"azureml.sslEnabled": "false"}, authEnabled=False)
    told = (await desk.ask("GET", "/modelmanagement/v1.0{W}/services/wine")).json
    assert told["scoringUri"] == "http://10.0.0.7:8080/api/v1/service/wine/score"
    assert (await ask(desk.plain, "POST", PATH, {}, host="any.test:8080")).status == 200
    assert (await called(desk, "")).status == 404


async def test_a_front_end_of_its_own_answers_at_the_top(desk: Desk) -> None:
    await desk.deploy(computeType="ACI", computeName=None)
    where = "wine.local.hermetic.internal:8080"
    assert (await ask(desk.plain, "POST", "/score", {"x": 2}, host=where)).json == {"x": 2}
    assert (await ask(desk.plain, "GET", "/", host=where)).body == b"Healthy"
    assert (await ask(desk.plain, "POST", "/score", {}, host="other.test")).status == 404
    assert (await ask(desk.plain, "POST", PATH, {}, host=where)).status == 404
    assert (await ask(desk.plain, "OPTIONS", "/score", host=where)).status == 200


async def test_on_a_compute_only_get_and_post_are_routed(desk: Desk, key: str) -> None:
    for method in ("OPTIONS", "PUT", "DELETE"):
        assert (await called(desk, key, method)).status == 405
    await called(desk, key, "GET", f"{PATH}?a=1", body=b"")
    (request,) = desk.deck.execution.requests
    assert (request.method, request.query) == ("GET", "a=1")


async def test_it_says_that_it_is_there(desk: Desk, key: str) -> None:
    answer = await called(desk, "", "GET", "/api/v1/service/wine/", body=b"")
    assert (answer.status, answer.body) == (200, b"Healthy")


@pytest.mark.parametrize(
    ("error", "status"), [(WorkerDied("It died.", 1), 502), (DeadlineExceeded("Late."), 504)]
)
async def test_what_breaks_is_behind_a_gateway(
    desk: Desk, key: str, error: Any, status: int
) -> None:
    desk.deck.execution.failure = error
    assert (await called(desk, key)).status == status


def answering(response: HttpResponse) -> Any:
    def script(_request: HttpRequest) -> HttpResponse:
        return response

    return script


async def test_a_script_that_raised_is_behind_a_gateway(desk: Desk, key: str) -> None:
    response = HttpResponse(500, (), b'{"message":"no"}', failed=True)
    desk.deck.execution.script = answering(response)
    answer = await called(desk, key)
    assert (answer.status, answer.fields["x-ms-run-function-failed"]) == (502, "True")


async def test_a_response_of_the_scripts_own_making_is_passed_on(desk: Desk, key: str) -> None:
    fields = (("X-Mine", "1"), ("Content-Type", "text/plain"), ("Connection", "close"))
    desk.deck.execution.script = answering(HttpResponse(418, fields, b"tea"))
    answer = await called(desk, key)
    assert (answer.status, answer.body) == (418, b"tea")
    assert answer.fields["x-mine"] == "1"
    assert answer.fields["content-type"] == "text/plain"
    assert "connection" not in answer.fields


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(200, (("x-a", "b\r\nset-cookie: c"),), b""),
        HttpResponse(200, (("x-a\r\nx-b", "c"),), b""),
        HttpResponse(200, (("", "c"),), b""),
        HttpResponse(200, (("x-a", "\u20ac"),), b""),
        HttpResponse(200, (("x-a", "b\x00"),), b""),
        HttpResponse(99, (), b""),
        HttpResponse(101, (), b""),
        HttpResponse(9999, (), b""),
    ],
)
async def test_what_is_no_http_is_not_passed_on(
    desk: Desk, key: str, response: HttpResponse
) -> None:
    desk.deck.execution.script = answering(response)
    answer = await called(desk, key)
    assert answer.status == 502
    assert "set-cookie" not in answer.fields


async def test_an_id_is_not_too_long(desk: Desk, key: str) -> None:
    assert (await called(desk, key, x_ms_request_id="a" * 101)).status == 431
    answer = await called(desk, key, x_ms_client_request_id="mine")
    assert answer.fields["x-ms-client-request-id"] == "mine"


async def test_a_body_is_not_too_large(desk: Desk, key: str) -> None:
    answer = await called(desk, key, content_length=str(101 * 1024 * 1024))
    assert answer.status == 413


async def test_pages_of_the_origins_that_it_names_may_call(desk: Desk) -> None:
    await desk.create()
    image = {
        "assets": [{"id": "score.py", "url": "aml://artifact/LocalUpload/box/score.py"}],
        "environment": {
            "environmentVariables": {
                "AZUREML_ENTRY_SCRIPT": "score.py",
                "AML_CORS_ORIGINS": "https://www.contoso.test, https://b.test",
            }
        },
    }
    await desk.deploy(environmentImageRequest=image, authEnabled=False)
    good = await called(desk, "", origin="https://b.test")
    assert good.fields["access-control-allow-origin"] == "https://b.test"
    bad = await called(desk, "", origin="https://evil.test")
    assert "access-control-allow-origin" not in bad.fields


async def test_it_describes_itself_to_who_may_call(desk: Desk, key: str) -> None:
    path = "/api/v1/service/wine/swagger.json"
    desk.deck.execution.script = answering(HttpResponse(200, (), b'{"input":{"type":"string"}}'))
    assert (await called(desk, "", "GET", path)).status == 401
    told = (await called(desk, key, "GET", path)).json
    assert told["swagger"] == "2.0"
    assert told["definitions"]["ServiceInput"] == {"type": "string"}
    assert "openapi" in (await called(desk, key, "GET", f"{path}?version=3.1")).json
    assert (await called(desk, key, "GET", f"{path}?version=4")).status == 404
