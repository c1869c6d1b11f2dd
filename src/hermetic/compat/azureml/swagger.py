"""What a deployment says of itself: Swagger 2.0, or OpenAPI 3.0 and 3.1, as its server did.  Pure."""

from collections.abc import Mapping
from typing import Any

from hermetic.errors import NotFound

_ANY: Mapping[str, Any] = {"type": "object"}
_OPENAPI = {"3": "3.0.3", "3.1": "3.1.0"}
_JSON = "application/json"


def document(name: str, prefix: str, told: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return the description of the service *name* below *prefix*.

    Args:
        name: The service's name.
        prefix: What its addresses begin with, without a slash at the end.
        told: What its worker tells: `file`, a description of the script's own, or the schemas of
            its `input` and `output`.
        version: 2, 3 or 3.1.

    Raises:
        NotFound: There is no description of that version.
    """
    own = told.get("files", {}).get(version)
    if own is not None:
        return dict(own)
    schemas = {
        "ServiceInput": told.get("input") or _ANY,
        "ServiceOutput": told.get("output") or _ANY,
        "ErrorResponse": {"type": "object", "properties": {"message": {"type": "string"}}},
    }
    info = {"title": name, "description": f"API of the service {name}.", "version": "1.0"}
    if version == "2":
        return {
            "swagger": "2.0",
            "info": info,
            "schemes": ["https"],
            "consumes": [_JSON],
            "produces": [_JSON],
            "securityDefinitions": {
                "Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}
            },
            "security": [{"Bearer": []}],
            "paths": _paths(prefix, "#/definitions/", is_old=True),
            "definitions": schemas,
        }
    if version not in _OPENAPI:
        raise NotFound(f"There is no description of version {version[:20]!r}: ask for 2, 3 or 3.1.")
    return {
        "openapi": _OPENAPI[version],
        "info": info,
        "security": [{"Bearer": []}],
        "paths": _paths(prefix, "#/components/schemas/", is_old=False),
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}
            },
        },
    }


def _paths(prefix: str, reference: str, *, is_old: bool) -> dict[str, Any]:
    def answer(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
        if is_old:
            return {"description": description, "schema": schema}
        return {"description": description, "content": {_JSON: {"schema": schema}}}

    taken = {"$ref": f"{reference}ServiceInput"}
    body: dict[str, Any] = (
        {
            "parameters": [
                {"name": "serviceInputPayload", "in": "body", "required": True, "schema": taken}
            ]
        }
        if is_old
        else {"requestBody": {"required": True, "content": {_JSON: {"schema": taken}}}}
    )
    failed = answer("It failed.", {"$ref": f"{reference}ErrorResponse"})
    text = {"type": "string"}
    return {
        f"{prefix}/": {
            "get": {
                "operationId": "ServiceHealthCheck",
                "summary": "Whether the service is there.",
                "responses": {"200": answer("It is.", text), "default": failed},
            }
        },
        f"{prefix}/score": {
            "post": {
                "operationId": "RunMLService",
                "summary": "Calls the service.",
                **body,
                "responses": {
                    "200": answer("Its answer.", {"$ref": f"{reference}ServiceOutput"}),
                    "default": failed,
                },
            }
        },
        f"{prefix}/swagger.json": {
            "get": {
                "operationId": "GetSwagger",
                "summary": "Returns this description.",
                "responses": {"200": answer("This description.", _ANY), "default": failed},
            }
        },
    }
