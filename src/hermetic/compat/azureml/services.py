"""Web services, as `azureml-core` asks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hermetic.access.policy import may_publish
from hermetic.access.principals import Principal
from hermetic.clock import Clock
from hermetic.compat.azureml.cloud import base_of
from hermetic.compat.azureml.messages import (
    PatchItem,
    RegenerateRequest,
    ServiceRequest,
    ValidateRequest,
)
from hermetic.compat.azureml.models import has, model_told
from hermetic.compat.azureml.patching import patched
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.telling import Telling, operation_told
from hermetic.compat.azureml.use_cases import UseCases
from hermetic.compat.azureml.wishes import deployment_of, wish_of
from hermetic.compat.azureml.workspace import Workspace
from hermetic.errors import BadInput, HermeticError, NotFound
from hermetic.gateway.deployments import Wish
from hermetic.gateway.operations import Operation
from hermetic.http.endpoint import json, principal_of, read
from hermetic.http.limits import WireLimits
from hermetic.serving.deployment import Deployment, check_name
from hermetic.wire.messages import decode

_ALL, _ONE = "/mms/services", "/mms/services/{name}"
_LINES = 5000


@dataclass(frozen=True)
class ServicesApi:
    """Answers what is asked about services."""

    workspace: Workspace
    cases: UseCases
    telling: Telling
    clock: Clock
    limits: WireLimits

    def addresses(self) -> list[Address]:
        """Return what can be asked."""
        return [
            Address("POST", f"{_ALL}/validate/name/{{name}}", self._validate_name),
            Address("POST", f"{_ALL}/validate/resource", self._validate_resource),
            Address("POST", f"{_ALL}/validate", self._validate),
            Address("POST", _ALL, self._create),
            Address("GET", _ALL, self._list),
            Address("GET", _ONE, self._show),
            Address("PATCH", _ONE, self._patch),
            Address("DELETE", _ONE, self._delete),
            Address("POST", f"{_ONE}/listkeys", self._keys),
            Address("POST", f"{_ONE}/regenerateKeys", self._regenerate),
            Address("POST", f"{_ONE}/token", self._token),
            Address("GET", f"{_ONE}/logs", self._logs),
            Address("GET", "/mms/operations/{id}", self._operation),
        ]

    async def _validate_name(self, request: Request) -> Response:
        name = request.path_params["name"]
        known = {one.name for one in self.cases.deployments.all()}
        try:
            check_name(name)
        except BadInput as error:
            return _refusal(error)
        if name in known:
            taken = f"There is a service {name!r} already: choose another name."
            return _refusal(BadInput(taken))
        return json({})

    async def _validate_resource(self, request: Request) -> Response:
        body = await read(request, ServiceRequest, most=self.limits.json_bytes)
        return await self._looked_at(principal_of(request), body)

    async def _validate(self, request: Request) -> Response:
        asked = await read(request, ValidateRequest, most=self.limits.json_bytes)
        if asked.create_request is None:
            return json({})
        body = decode(msgspec.json.encode(asked.create_request), ServiceRequest)
        return await self._looked_at(principal_of(request), body)

    async def _looked_at(self, principal: Principal, body: ServiceRequest) -> Response:
        try:
            wish = self._wish(body)
            await self.cases.deployments.check(principal, wish, overwrite=bool(body.overwrite))
        except HermeticError as error:
            return _refusal(error)
        return json({})

    async def _create(self, request: Request) -> Response:
        body = await read(request, ServiceRequest, most=self.limits.json_bytes)
        wish = self._wish(body)
        if wish.sources is None:
            raise BadInput("Tell what is deployed, as environmentImageRequest.")
        operation = await self.cases.deployments.create(
            principal_of(request), wish, overwrite=bool(body.overwrite)
        )
        return self._accepted(request, operation)

    def _wish(self, body: ServiceRequest) -> Wish:
        deployment = deployment_of(body, self.workspace, at=self.clock())
        return wish_of(body, deployment, self.workspace)

    async def _patch(self, request: Request) -> Response:
        items = await read(request, list[PatchItem], most=self.limits.json_bytes)
        name = request.path_params["name"]
        before = self.cases.deployments.find(name)
        document = patched(
            {
                **before.told,
                "description": before.description,
                "kvTags": dict(before.tags),
                "properties": dict(before.properties),
            },
            items,
        )
        body = decode(msgspec.json.encode(document), ServiceRequest)
        if not any(item.path.startswith("/environmentImageRequest") for item in items):
            body.environment_image_request = None
        deployment = deployment_of(body, self.workspace, at=self.clock(), before=before)
        if body.environment_image_request is None:
            # What is deployed stays, and so what was told of it.
            image = before.told.get("environmentImageRequest")
            deployment = _with_told(deployment, "environmentImageRequest", image)
        wish = wish_of(body, deployment, self.workspace)
        operation = await self.cases.deployments.update(principal_of(request), name, wish)
        return self._accepted(request, operation)

    async def _delete(self, request: Request) -> Response:
        try:
            operation = await self.cases.deployments.delete(
                principal_of(request), request.path_params["name"]
            )
        except NotFound:
            return Response(status_code=204)
        return self._accepted(request, operation)

    async def _show(self, request: Request) -> Response:
        one = self.cases.deployments.find(request.path_params["name"])
        return json(await self._told(principal_of(request), one))

    async def _list(self, request: Request) -> Response:
        query, principal = request.query_params, principal_of(request)
        found = [one for one in self.cases.deployments.all() if _is_asked(one, query)]
        return json({"value": [await self._told(principal, one) for one in found]})

    async def _told(self, principal: Principal, one: Deployment) -> dict[str, Any]:
        told = {**self.telling.service(one), "models": await self._models(one)}
        if not may_publish(principal):
            # Variables of an environment are often what nobody else should read.
            told["environmentImageRequest"] = None
        return told

    async def _models(self, one: Deployment) -> list[dict[str, Any]]:
        told = one.told.get("environmentImageRequest") or {}
        found = []
        for id_ in told.get("modelIds") or ():
            try:
                found.append(model_told(await self.cases.models.find(id_)))
            except NotFound:
                continue  # deleted since; what is deployed has its own copy
        return found

    async def _keys(self, request: Request) -> Response:
        keys = self.cases.deployments.keys(principal_of(request), request.path_params["name"])
        return json({"primaryKey": keys.primary, "secondaryKey": keys.secondary})

    async def _regenerate(self, request: Request) -> Response:
        body = await read(request, RegenerateRequest, most=self.limits.json_bytes)
        kind = body.key_type.lower()
        if kind not in {"primary", "secondary"}:
            raise BadInput(f"{body.key_type[:40]!r} is no key: use Primary or Secondary.")
        operation = await self.cases.deployments.regenerate(
            principal_of(request),
            request.path_params["name"],
            primary=kind == "primary",
            key=body.key_value,
        )
        return self._accepted(request, operation)

    async def _token(self, request: Request) -> Response:
        token = self.cases.deployments.token(principal_of(request), request.path_params["name"])
        return json(
            {
                "accessToken": token.token,
                "tokenType": "Bearer",
                "refreshAfter": int(token.refresh_after.timestamp()),
                "expiryOn": int(token.expires_at.timestamp()),
            }
        )

    async def _logs(self, request: Request) -> Response:
        name = request.path_params["name"]
        principal, one = principal_of(request), self.cases.deployments.find(name)
        # They hold what the script wrote, which may be what its callers sent.
        self.cases.deployments.keys(principal, one.name)
        tail = request.query_params.get("tail", "")
        return json(
            {"content": self.cases.journal.tail(name, int(tail) if tail.isdigit() else _LINES)}
        )

    async def _operation(self, request: Request) -> Response:
        found = await self.cases.operations.find(request.path_params["id"])
        if found is None:
            raise NotFound("There is no such operation, or it ended more than a week ago.")
        return json(operation_told(found, self.workspace))

    def _accepted(self, request: Request, operation: Operation) -> Response:
        base = f"{base_of(request).url}/modelmanagement/v1.0{self.workspace.id}"
        response = json({"operationId": operation.id}, 202)
        response.headers["operation-location"] = f"{base}/operations/{operation.id}"
        return response


def _refusal(error: HermeticError) -> Response:
    """Return the answer to who asked whether something would do, which it would not."""
    return json({"error": {"message": error.text}})


def _with_told(deployment: Deployment, member: str, value: object) -> Deployment:
    return replace(deployment, told={**deployment.told, member: value})


def _is_asked(one: Deployment, query: Mapping[str, str]) -> bool:
    kind = query.get("computeType", "")
    if kind and kind.upper() != one.kind:
        return False
    image = one.told.get("environmentImageRequest") or {}
    ids: Sequence[str] = image.get("modelIds") or ()
    if (model := query.get("modelId")) and model not in ids:
        return False
    if (name := query.get("modelName")) and name not in {id_.rpartition(":")[0] for id_ in ids}:
        return False
    return has(one.tags, query.get("tags", "")) and has(one.properties, query.get("properties", ""))
