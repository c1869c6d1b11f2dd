"""The Swagger 2.0 description of one service, in the shape ML Server 9.x gave it.

Code generators of that time read it; names, order and spelling are therefore theirs.
"""

from collections.abc import Iterable
from functools import partial

from hermetic.serving.schema import Parameter
from hermetic.serving.service import Service
from hermetic.serving.values import WireType

_TYPES = {
    WireType.LOGICAL: "boolean",
    WireType.NUMERIC: "number",
    WireType.INTEGER: "integer",
    WireType.CHARACTER: "string",
    WireType.VECTOR: "object",
    WireType.MATRIX: "object",
    WireType.DATA_FRAME: "object",
}

Json = dict[str, object]


def swagger(service: Service) -> Json:
    """Return the description of *service*; a service without an alias is called `consume`."""
    description = service.description or ""
    return {
        "swagger": "2.0",
        "info": {
            "description": description,
            "title": service.key.name,
            "version": service.key.version,
        },
        "schemes": ["http", "https"],
        "securityDefinitions": {
            "Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}
        },
        "tags": [{"name": service.key.name, "description": description}],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": _login_paths() | _service_paths(service),
        "definitions": _definitions(service),
    }


def _login_paths() -> Json:
    def operation(name: str, parameter: Json) -> Json:
        return {
            "tags": ["User"],
            "operationId": name,
            "parameters": [parameter],
            "responses": _responses("200", _ref("AccessTokenResponse"), faults=()),
        }

    token = {"name": "refreshToken", "in": "query", "required": True, "type": "string"}
    return {
        "/login": {"post": operation("login", _body("loginRequest", _ref("LoginRequest")))},
        "/login/refreshToken": {
            "post": operation("renewToken", _body("renewTokenRequest", _ref("RenewTokenRequest"))),
            "delete": operation("revokeRefreshToken", token),
        },
    }


def _service_paths(service: Service) -> Json:
    path = service.key.path
    batch = f"{path}/batch/{{executionId}}"
    inputs = _ref("InputParameters")
    execution: Json = {"name": "executionId", "in": "path", "required": True, "type": "string"}
    shown: Json = {"name": "showPartialResults", "in": "query", "required": False}
    index: Json = {"name": "index", "in": "path", "required": True, "type": "integer"}
    file: Json = {"name": "fileName", "in": "path", "required": True, "type": "string"}
    parallel: Json = {"name": "parallelCount", "in": "query", "required": False}
    parallel |= {"type": "integer", "format": "int32", "default": 10}
    consumed = [_body("WebServiceParameters", inputs)] if service.schema.inputs else []
    started = _body("BatchWebServiceParameters", _array(inputs))
    names = _array({"type": "string"})
    operation = partial(_operation, service.key.name)
    return {
        path: {
            "post": operation(service.operation_id or "consume", consumed, _ref("WebServiceResult"))
        },
        f"{path}/batch": {
            "post": operation(
                "StartBatchExecution",
                [started, parallel],
                _ref("StartBatchExecutionResponse"),
                "202",
            ),
            "get": operation("GetBatchExecutions", [], names),
        },
        batch: {
            "get": operation(
                "GetBatchExecutionStatus",
                [execution, shown | {"type": "boolean"}],
                _ref("BatchWebServiceResult"),
            ),
            "delete": operation("CancelAndDeleteBatchExecution", [execution], names),
        },
        f"{batch}/{{index}}/files": {
            "get": operation("GetBatchExecutionFiles", [execution, index], names)
        },
        f"{batch}/{{index}}/files/{{fileName}}": {
            "get": operation("GetBatchExecutionFile", [execution, index, file], {"type": "file"})
        },
    }


def _operation(
    tag: str, name: str, parameters: list[Json], schema: Json, status: str = "200"
) -> Json:
    return {
        "tags": [tag],
        "operationId": name,
        "parameters": parameters,
        "responses": _responses(status, schema),
        "security": [{"Bearer": []}],
    }


def _definitions(service: Service) -> Json:
    text: Json = {"type": "string"}
    count: Json = {"type": "integer", "format": "int32"}
    state: Json = {"type": "string", "enum": ["pending", "inProgress", "ready", "complete"]}
    tokens = ("token_type", "access_token", "expires_on", "refresh_token")
    return {
        "InputParameters": _parameters(service.schema.inputs),
        "OutputParameters": _parameters(service.schema.outputs),
        "Error": _object({"code": count, "message": text, "fields": text}),
        "WebServiceResult": _result(service),
        "StartBatchExecutionResponse": _object({"batchExecutionId": text}),
        "BatchWebServiceResult": _object(
            {
                "state": state,
                "completedItemCount": count,
                "totalItemCount": count,
                "batchExecutionResults": _array(_ref("WebServiceResult")),
            }
        ),
        "LoginRequest": _object({"username": text, "password": text}),
        "RenewTokenRequest": _object({"refreshToken": text}),
        "AccessTokenResponse": _object(dict.fromkeys(tokens, text)),
    }


def _result(service: Service) -> Json:
    text: Json = {"type": "string"}
    members: Json = {
        "success": {"type": "boolean"},
        "errorMessage": text,
        "consoleOutput": text,
        "changedFiles": _array(text),
    }
    if service.schema.files:
        file: Json = {"type": "string", "format": "byte"}
        members["outputFiles"] = _object(dict.fromkeys(service.schema.files, file))
    if service.schema.outputs:
        members["outputParameters"] = _ref("OutputParameters")
    return _object(members)


def _parameters(parameters: Iterable[Parameter]) -> Json:
    return _object(
        {one.name: {"type": _TYPES[one.type], "description": one.type.value} for one in parameters}
    )


def _responses(status: str, schema: Json, faults: Iterable[str] = ("400", "500")) -> Json:
    error: Json = {"description": "What went wrong.", "schema": _ref("Error")}
    answer: Json = {"description": "The answer.", "schema": schema}
    return {status: answer, **dict.fromkeys(faults, error), "default": error}


def _body(name: str, schema: Json) -> Json:
    return {"name": name, "in": "body", "required": True, "schema": schema}


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties}


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}
