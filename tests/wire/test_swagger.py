"""The Swagger 2.0 description of one service."""

import re
from datetime import UTC, datetime

import pytest

from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, RuntimeKind, Service, ServiceKey
from hermetic.serving.values import WireType
from hermetic.wire.messages import encode
from hermetic.wire.swagger import swagger

EVERY = tuple(Parameter(one.value.replace(".", "_"), one) for one in WireType)


def described(schema: Schema, operation_id: str | None = None) -> dict[str, object]:
    """Return the description of a service with *schema*."""
    service = Service(
        key=ServiceKey("wine", "1.0"),
        owner="ada",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        runtime=RuntimeKind.PYTHON,
        entry=Entry(),
        schema=schema,
        description="Tastes.",
        operation_id=operation_id,
    )
    return swagger(service)


def at(document: object, *steps: str) -> object:
    """Return what stands at the end of *steps*."""
    for step in steps:
        assert isinstance(document, dict)
        document = document[step]
    return document


def test_the_members_stand_in_the_documented_order() -> None:
    assert list(described(Schema())) == [
        "swagger",
        "info",
        "schemes",
        "securityDefinitions",
        "tags",
        "consumes",
        "produces",
        "paths",
        "definitions",
    ]


def test_every_operation_has_its_documented_id() -> None:
    document = described(Schema(EVERY), "taste")
    paths = at(document, "paths")
    assert isinstance(paths, dict)
    found = {
        (path, method): operation["operationId"]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    batch = "/api/wine/1.0/batch"
    one = batch + "/{executionId}"
    assert found == {
        ("/login", "post"): "login",
        ("/login/refreshToken", "post"): "renewToken",
        ("/login/refreshToken", "delete"): "revokeRefreshToken",
        ("/api/wine/1.0", "post"): "taste",
        (batch, "post"): "StartBatchExecution",
        (batch, "get"): "GetBatchExecutions",
        (one, "get"): "GetBatchExecutionStatus",
        (one, "delete"): "CancelAndDeleteBatchExecution",
        (one + "/{index}/files", "get"): "GetBatchExecutionFiles",
        (one + "/{index}/files/{fileName}", "get"): "GetBatchExecutionFile",
    }


def test_a_service_without_an_alias_is_consumed() -> None:
    assert at(described(Schema()), "paths", "/api/wine/1.0", "post", "operationId") == "consume"


@pytest.mark.parametrize(
    ("wire_type", "name"),
    [
        ("logical", "boolean"),
        ("numeric", "number"),
        ("integer", "integer"),
        ("character", "string"),
        ("vector", "object"),
        ("matrix", "object"),
        ("data.frame", "object"),
    ],
)
def test_each_type_has_its_name_and_is_described_by_its_own(wire_type: str, name: str) -> None:
    document = described(Schema(EVERY, EVERY))
    for definition in ("InputParameters", "OutputParameters"):
        parameter = at(
            document, "definitions", definition, "properties", wire_type.replace(".", "_")
        )
        assert parameter == {"type": name, "description": wire_type}


def test_a_service_without_inputs_takes_no_body() -> None:
    post = ("paths", "/api/wine/1.0", "post", "parameters")
    assert at(described(Schema()), *post) == []
    assert at(described(Schema(EVERY)), *post) != []


def test_files_and_outputs_are_in_the_result_only_if_declared() -> None:
    result = ("definitions", "WebServiceResult", "properties")
    plain = at(described(Schema()), *result)
    full = at(described(Schema((), EVERY, ("a.txt",))), *result)
    assert isinstance(plain, dict)
    assert isinstance(full, dict)
    assert full.keys() - plain.keys() == {"outputFiles", "outputParameters"}
    assert at(full, "outputFiles", "properties", "a.txt") == {"type": "string", "format": "byte"}


def test_batches_start_with_202_and_the_rest_answers_200() -> None:
    paths = at(described(Schema(EVERY)), "paths")
    assert isinstance(paths, dict)
    for operations in paths.values():
        for operation in operations.values():
            first = next(iter(operation["responses"]))
            expected = "202" if operation["operationId"] == "StartBatchExecution" else "200"
            assert (first, "default" in operation["responses"]) == (expected, True)


def test_whatever_is_referred_to_is_defined_and_nothing_is_an_extension() -> None:
    text = encode(described(Schema(EVERY, EVERY, ("a.txt",)))).decode()
    names = set(re.findall(r'"#/definitions/(\w+)"', text))
    definitions = at(described(Schema(EVERY, EVERY, ("a.txt",))), "definitions")
    assert isinstance(definitions, dict)
    assert names <= definitions.keys()
    assert '"x-' not in text


def test_every_parameter_of_a_path_is_declared() -> None:
    paths = at(described(Schema(EVERY)), "paths")
    assert isinstance(paths, dict)
    for path, operations in paths.items():
        for operation in operations.values():
            declared = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))
