"""Entry scripts of Azure ML, in real workers: what they are given, and what becomes of it."""

import json
from typing import Any

import pytest

from hermetic.errors import HermeticError, ServiceUnloadable
from hermetic.serving.exchange import HttpRequest, HttpResponse
from hermetic.serving.service import Entry, EntryKind, ServiceKey
from tests.compute.conftest import Rig

RAW = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse({"asked": request.args}, 202, json_str=True)
    return AMLResponse(request.get_data(), 200, {"X-Kind": request.headers["X-KIND"]})
"""


def request(
    body: bytes = b"{}", method: str = "POST", query: str = "", path: str = "/score", **fields: str
) -> HttpRequest:
    told = tuple((name.replace("_", "-"), value) for name, value in fields.items())
    return HttpRequest(method, path, query, told, body)


def place(
    rig: Rig, source: str, files: dict[str, str] | None = None, **variables: str
) -> ServiceKey:
    entry = Entry(EntryKind.REQUEST, target="score.py", variables=tuple(variables.items()))
    service = rig.service(entry)
    rig.pool.place(service, rig.bundle({"score.py": source, **(files or {})}))
    return service.key


async def asked(rig: Rig, key: ServiceKey, one: HttpRequest) -> HttpResponse:
    answer = await rig.answer(key, one.packed())
    assert answer.error is None, answer.error
    return HttpResponse.unpacked(answer.body)


async def given(rig: Rig, key: ServiceKey, one: HttpRequest) -> Any:
    return json.loads((await asked(rig, key, one)).body)


async def test_the_body_is_given_as_text_and_the_answer_as_json(rig: Rig) -> None:
    key = place(rig, "def run(data):\n    print('called')\n    return {'got': data}\n")
    answer = await asked(rig, key, request('{"ä":1}'.encode()))
    assert (answer.status, json.loads(answer.body)) == (200, {"got": '{"ä":1}'})
    assert answer.console == "called\n"
    assert dict(answer.headers)["content-type"] == "application/json"


async def test_a_query_is_given_as_json(rig: Rig) -> None:
    key = place(rig, "def run(data):\n    return data\n")
    assert await given(rig, key, request(method="GET", query="a=1&b=")) == '{"a": "1", "b": ""}'


async def test_headers_are_given_to_who_asks_for_them(rig: Rig) -> None:
    key = place(rig, "def run(data, request_headers):\n    return request_headers['x-told']\n")
    assert await given(rig, key, request(x_told="a word")) == "a word"


async def test_it_is_initialised_once_beside_its_files_and_models(rig: Rig) -> None:
    source = """
import os
def init():
    global found
    folder = os.environ["AZUREML_MODEL_DIR"]
    found = [open(os.path.join(folder, "m")).read(), open("beside.txt").read(), os.environ["MINE"]]
def run(data):
    found.append(open("beside.txt").read())
    return [*found, os.environ["AML_APP_ROOT"] == os.getcwd()]
"""
    files = {"azureml-models/wine/1/m": "a model", "beside.txt": "beside"}
    key = place(rig, source, files, AZUREML_MODEL_DIR="azureml-models/wine/1", MINE="1")
    assert await given(rig, key, request()) == ["a model", "beside", "1", "beside", True]
    assert len(await given(rig, key, request())) == 6


async def test_a_script_may_have_the_request_itself(rig: Rig) -> None:
    key = place(rig, RAW)
    answer = await asked(rig, key, request(b"\xff\x00", x_kind="mine"))
    assert (answer.status, answer.body) == (200, b"\xff\x00")
    assert dict(answer.headers)["X-Kind"] == "mine"
    answer = await asked(rig, key, request(b"", "GET", "a=1"))
    assert (answer.status, json.loads(answer.body)) == (202, {"asked": {"a": "1"}})


async def test_what_raises_is_told_to_its_owner_in_full(rig: Rig) -> None:
    key = place(rig, "def run(data):\n    print('before')\n    raise ValueError('a reason')\n")
    answer = await asked(rig, key, request())
    assert (answer.status, answer.failed) == (500, True)
    assert json.loads(answer.body) == {"message": "ValueError: a reason"}
    assert answer.console.startswith("before\n")
    assert "line 3, in run" in answer.console


async def test_what_is_no_text_is_refused(rig: Rig) -> None:
    key = place(rig, "def run(data):\n    return data\n")
    answer = await asked(rig, key, request(b"\xff"))
    assert (answer.status, answer.failed) == (400, False)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def run(*data): return data\n", "name each of them"),
        ("def run(data, **more): return data\n", "name each of them"),
        ("def run(data, /): return data\n", "name each of them"),
        ("def run(): return 1\n", "takes no input"),
        ("def run(request_headers): return 1\n", "takes no input"),
        ("def other(data): return data\n", "'run'"),
        ("def init():\n    raise ValueError('no model')\ndef run(data): return 1\n", "no model"),
        ("import none_of_ours\ndef run(data): return 1\n", "none_of_ours"),
    ],
)
async def test_what_cannot_be_called_is_not_loaded(rig: Rig, source: str, why: str) -> None:
    service = rig.service(Entry(EntryKind.REQUEST, target="score.py"))
    with pytest.raises(ServiceUnloadable, match=why):
        await rig.pool.check(service, rig.bundle({"score.py": source}))


async def test_an_answer_that_is_too_long_is_refused(rig: Rig) -> None:
    key = place(rig, "def run(data):\n    return 'x' * (200 << 20)\n")
    answer = await rig.answer(key, request().packed())
    assert isinstance(answer.error, HermeticError)


async def test_a_description_beside_the_script_is_told(rig: Rig) -> None:
    own = {"swagger.json": '{"mine":1}', "swagger3.json": "[]"}
    key = place(rig, "def run(data):\n    return data\n", own)
    assert await given(rig, key, request(path="/swagger.json")) == {"files": {"2": {"mine": 1}}}


async def test_what_is_no_request_is_refused(rig: Rig) -> None:
    key = place(rig, "def run(data):\n    return data\n")
    answer = await rig.answer(key, b"no request")
    assert answer.error is not None
    assert await given(rig, key, request()) == "{}"
