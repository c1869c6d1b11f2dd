"""The OpenAPI 3.1 description of the API."""

import re

from hermetic.wire.messages import (
    BundleResponse,
    LoginRequest,
    PublishRequest,
    Status,
    WebService,
    encode,
)
from hermetic.wire.openapi import Operation, document

TABLE = [
    Operation("POST", "/login", "login", "In.", "Login", takes=LoginRequest, open=True),
    Operation("GET", "/services", "list", "All.", "Services", gives=list[WebService]),
    Operation("POST", "/services/{name}", "publish", "New.", "Services", PublishRequest, str, 201),
    Operation("POST", "/bundles", "upload", "Up.", "Services", "application/zip", BundleResponse),
    Operation("GET", "/status", "status", "How.", "Node", gives=Status, query=("verbose",)),
]
DESCRIBED = document(TABLE, version="1.2")


def operation(path: str, method: str) -> dict[str, object]:
    """Return what is said of one operation."""
    paths = DESCRIBED["paths"]
    assert isinstance(paths, dict)
    found = paths[path][method]
    assert isinstance(found, dict)
    return found


def test_each_operation_stands_at_its_address_under_its_id() -> None:
    for one in TABLE:
        assert operation(one.path, one.method.lower())["operationId"] == one.id


def test_whatever_is_referred_to_is_there() -> None:
    text = encode(DESCRIBED).decode()
    components = DESCRIBED["components"]
    assert isinstance(components, dict)
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert referred == components["schemas"].keys()


def test_a_token_is_asked_for_unless_the_operation_is_open() -> None:
    assert operation("/login", "post")["security"] == []
    assert "security" not in operation("/services", "get")
    assert DESCRIBED["security"] == [{"bearer": []}]


def test_parameters_of_the_path_are_required_and_of_the_query_not() -> None:
    text = {"type": "string"}
    assert operation("/services/{name}", "post")["parameters"] == [
        {"name": "name", "in": "path", "required": True, "schema": text}
    ]
    assert operation("/status", "get")["parameters"] == [
        {"name": "verbose", "in": "query", "required": False, "schema": text}
    ]


def test_bodies_have_their_media_type_and_status() -> None:
    upload = operation("/bundles", "post")["requestBody"]
    assert isinstance(upload, dict)
    assert upload["content"] == {"application/zip": {}}
    published = operation("/services/{name}", "post")["responses"]
    assert isinstance(published, dict)
    assert list(published) == ["201", "default"]


def test_every_operation_may_end_in_a_problem() -> None:
    for one in TABLE:
        responses = operation(one.path, one.method.lower())["responses"]
        assert isinstance(responses, dict)
        assert "application/problem+json" in responses["default"]["content"]
