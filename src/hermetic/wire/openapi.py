"""The OpenAPI 3.1 description of the whole API, made from its table of operations."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import GenericAlias

import msgspec

Json = dict[str, object]

_PARAMETER = re.compile(r"{(\w+)}")
_REFERENCE = "#/components/schemas/{name}"
_JSON = "application/json"
_PROBLEM: Json = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri"},
        "message": {"type": "string"},
        "link": {"type": "string"},
        "exceptionType": {"type": "string"},
        "code": {"type": "integer"},
        "fields": {"type": "string"},
        "error": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail", "instance", "message"],
}


@dataclass(frozen=True)
class Operation:
    """One method at one address, as callers see it.

    `takes` and `gives` are message types (or `list[...]` of one), or a media type where the
    body is not JSON; `None` is no body.  An `open` operation needs no token.
    """

    method: str
    path: str
    id: str
    summary: str
    tag: str
    takes: type | GenericAlias | str | None = None
    gives: type | GenericAlias | str | None = None
    status: int = 200
    open: bool = False
    query: tuple[str, ...] = ()


def document(operations: Sequence[Operation], *, version: str) -> Json:
    """Return the description of *operations*; *version* is the product's."""
    messages = [
        one
        for operation in operations
        for one in (operation.takes, operation.gives)
        if one is not None and not isinstance(one, str)
    ]
    schemas, components = msgspec.json.schema_components(messages, ref_template=_REFERENCE)
    by_message = dict(zip(map(repr, messages), schemas, strict=True))
    paths: dict[str, Json] = {}
    for operation in operations:
        described = _operation(operation, by_message)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hermetic", "version": version},
        "tags": [{"name": name} for name in _unique(one.tag for one in operations)],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": components | {"Problem": _PROBLEM},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }


def _operation(operation: Operation, schemas: dict[str, Json]) -> Json:
    described: Json = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": {
            str(operation.status): {"description": "Done."} | _body(operation.gives, schemas),
            "default": {
                "description": "A problem (RFC 9457), united with the error object of ML Server.",
                "content": {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                },
            },
        },
    }
    parameters = [_parameter(name, "path") for name in _PARAMETER.findall(operation.path)]
    parameters += [_parameter(name, "query") for name in operation.query]
    if parameters:
        described["parameters"] = parameters
    if operation.takes is not None:
        described["requestBody"] = {"required": True} | _body(operation.takes, schemas)
    if operation.open:
        described["security"] = []
    return described


def _parameter(name: str, where: str) -> Json:
    return {"name": name, "in": where, "required": where == "path", "schema": {"type": "string"}}


def _body(body: type | GenericAlias | str | None, schemas: dict[str, Json]) -> Json:
    if body is None:
        return {}
    if isinstance(body, str):
        return {"content": {body: {}}}
    return {"content": {_JSON: {"schema": schemas[repr(body)]}}}


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
