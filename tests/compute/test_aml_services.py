"""What entry scripts import for raw requests."""

import json
import sys

import pytest

from hermetic.compute import aml_services
from hermetic.compute.aml_services import AMLRequest, AMLResponse, CaselessHeaders
from hermetic.serving.exchange import HttpRequest

REQUEST = AMLRequest(
    HttpRequest("POST", "/score", "a=1&a=2", (("content-type", "application/json"),), b'{"x":1}')
)


def test_a_request_has_what_scripts_ask_it_for() -> None:
    assert REQUEST.get_data() == REQUEST.data == b'{"x":1}'
    assert REQUEST.get_data(as_text=True) == '{"x":1}'
    assert REQUEST.json == REQUEST.get_json(force=True) == {"x": 1}
    assert REQUEST.args == {"a": "1"}
    assert REQUEST.content_type == "application/json"


def test_header_fields_are_found_in_any_case() -> None:
    headers = CaselessHeaders((("x-told", "1"),))
    assert headers["X-TOLD"] == headers.get("x-Told") == "1"
    assert "x-told" in headers
    assert headers.get("none", "2") == "2"


@pytest.mark.parametrize(
    ("message", "as_json", "body", "kind"),
    [
        ("text", False, b"text", None),
        ("text", True, b'"text"', "application/json"),
        (b"\xff", False, b"\xff", None),
        ({"a": 1}, False, b'{"a": 1}', "application/json"),
    ],
)
def test_a_response_is_made_of_what_a_script_says(
    message: object, as_json: bool, body: bytes, kind: str | None
) -> None:
    response = AMLResponse(message, 201, json_str=as_json)
    assert response.get_data() == body
    assert response.headers.get("Content-Type") == kind
    assert response.status_code == 201


def test_a_type_that_is_told_stays() -> None:
    response = AMLResponse({"a": 1}, 200, {"content-type": "text/plain"})
    assert json.loads(response.get_data()) == {"a": 1}
    assert response.headers == {"content-type": "text/plain"}


def test_scripts_find_them_where_they_look(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"azureml.contrib.services.{one}" for one in ("aml_request", "aml_response")]
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    aml_services.offer()
    offered = sys.modules[names[0]].__dict__

    @offered["rawhttp"]  # type: ignore[untyped-decorator]  # of a module made here
    def run(request: object) -> None:
        del request

    assert aml_services.wants_request(run)
    assert not aml_services.wants_request(len)
    for name in names:
        monkeypatch.delitem(sys.modules, name)
