"""Calls that cannot be answered: each gets its status, its code and a sentence; nothing changes."""

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.support import product as products
from tests.support.calling import call, publish
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]

GOOD: dict[str, Any] = {
    "n": 1,
    "x": 2.5,
    "s": "a",
    "b": True,
    "v": [1],
    "m": [[1, 2]],
    "f": {"c": [1]},
}
TYPES = {
    "n": "integer",
    "x": "numeric",
    "s": "character",
    "b": "logical",
    "v": "vector",
    "m": "matrix",
    "f": "data.frame",
}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = products.start(tmp_path_factory.mktemp("bad") / "home")
    yield product
    assert product.stop() == 0


@pytest.fixture(scope="module")
def http(box: Product) -> Iterator[httpx2.Client]:
    with box.client(box.token()) as client:
        published = publish(client, "typed", "ok = True", inputs=TYPES, outputs={"ok": "logical"})
        assert published.status_code == 201, published.text
        yield client


def problem(answer: httpx2.Response) -> dict[str, object]:
    """Return the problem, having checked what every problem must have."""
    assert answer.headers["content-type"].startswith("application/problem+json")
    found: dict[str, object] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "message"} <= set(found)
    assert found["status"] == answer.status_code
    assert str(found["instance"]).endswith(answer.headers["x-request-id"])
    return found


def test_what_is_right_is_answered(http: httpx2.Client) -> None:
    assert call(http, "typed", **GOOD)["outputParameters"] == {"ok": True}


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"n": 1.5}, "/n"),
        ({"n": "1"}, "/n"),
        ({"x": "2.5"}, "/x"),
        ({"x": [2.5]}, "/x"),
        ({"s": 5}, "/s"),
        ({"b": "false"}, "/b"),
        ({"v": 1}, "/v"),
        ({"m": [[1, 2], [3]]}, "/m"),
        ({"f": {"c": [1], "d": [1, 2]}}, "/f"),
        ({"f": [1]}, "/f"),
        ({"extra": 1}, "/extra"),
    ],
)
def test_an_input_that_does_not_fit_is_named(
    http: httpx2.Client, wrong: dict[str, object], where: str
) -> None:
    answer = http.post("/api/typed/1", json=GOOD | wrong)
    found = problem(answer)
    assert answer.status_code == 400
    errors = found["errors"]
    assert isinstance(errors, list)
    assert any(one["pointer"].startswith(where) for one in errors)
    assert where.strip("/") in str(found["detail"])


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_input_is_named(http: httpx2.Client, name: str) -> None:
    answer = http.post("/api/typed/1", json={k: v for k, v in GOOD.items() if k != name})
    assert answer.status_code == 400
    assert name in str(problem(answer)["detail"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"null", b'{"n":1}}', b"\xff\xfe", b"{'n': 1}"]
)
def test_a_body_that_is_no_json_object_is_refused(http: httpx2.Client, body: bytes) -> None:
    answer = http.post("/api/typed/1", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    problem(answer)


def test_ten_megabytes_of_nonsense_are_refused(http: httpx2.Client) -> None:
    answer = http.post("/api/typed/1", content=b"[" * 10_000_000)
    assert answer.status_code == 400
    problem(answer)


def test_two_gigabytes_are_refused_before_they_are_sent(box: Product, http: httpx2.Client) -> None:
    context = ssl.create_default_context(cafile=str(box.ca))
    token = http.headers["authorization"]
    head = f"POST /api/typed/1 HTTP/1.1\r\nhost: localhost\r\nauthorization: {token}\r\n"
    with (
        socket.create_connection(("127.0.0.1", box.port), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as tls,
    ):
        tls.sendall(f"{head}content-length: {2 << 30}\r\n\r\n".encode())
        answer = tls.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    "path",
    [
        "/api/nobody/1",
        "/api/typed/2",
        "/api/typed/1/../../../etc/passwd",
        "/nowhere",
    ],
)
def test_what_is_not_there_is_404(http: httpx2.Client, path: str) -> None:
    answer = http.post(path, json={})
    assert answer.status_code == 404
    problem(answer)


@pytest.mark.parametrize("path", ["/api/..%2f..%2fetc/passwd", "/api/typed%00/1", "/api/a%5cb/1"])
def test_an_ambiguous_address_is_refused(http: httpx2.Client, path: str) -> None:
    answer = http.post(path, json={})
    assert answer.status_code == 400
    problem(answer)


@pytest.mark.parametrize("name", ["..", "a b", "a/b", "", "x" * 200, "ü", "-rf", "a\n"])
def test_a_name_that_could_not_stand_in_an_address_is_refused(
    http: httpx2.Client, name: str
) -> None:
    before = http.get("/services").json()
    quoted = name.encode().hex(" ").replace(" ", "%")
    answer = http.post(f"/services/%{quoted}/1" if name else "/services//1", json={"code": "a=1"})
    assert answer.status_code in {400, 404}
    problem(answer)
    assert http.get("/services").json() == before


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/b", "..", "a\\b", "a\x00"])
def test_an_artifact_that_leads_elsewhere_is_refused(http: httpx2.Client, name: str) -> None:
    answer = publish(http, "artifacts", "a = 1", files=(name,))
    assert answer.status_code == 400
    assert "output file" in str(problem(answer)["detail"])


def test_code_that_does_not_compile_is_refused_with_its_line(http: httpx2.Client) -> None:
    answer = publish(http, "broken", "a = 1\nb = (", outputs={"a": "integer"})
    assert answer.status_code == 400
    assert "line 2" in answer.text
    assert http.get("/services/broken").json() == []
