"""Web services, as `azureml-core` deploys, changes and deletes them: each change is an operation."""

from dataclasses import dataclass, replace

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hermetic.access.principals import Principal
from hermetic.clock import Clock
from hermetic.compat.azureml.cloud import base_of
from hermetic.compat.azureml.messages import (
    PatchItem,
    RegenerateRequest,
    ServiceRequest,
    ValidateRequest,
)
from hermetic.compat.azureml.patching import patched
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.wishes import deployment_of, wish_of
from hermetic.compat.azureml.workspace import Workspace
from hermetic.errors import BadInput, HermeticError, NotFound
from hermetic.gateway.deployments import Deployments, Wish
from hermetic.gateway.operations import Operation
from hermetic.http.endpoint import json, principal_of, read
from hermetic.http.limits import WireLimits
from hermetic.serving.deployment import Deployment, check_name
from hermetic.wire.messages import decode

_ALL, _ONE = "/mms/services", "/mms/services/{name}"


@dataclass(frozen=True)
class DeployingApi:
    """Takes what is asked for of services."""

    workspace: Workspace
    deployments: Deployments
    clock: Clock
    limits: WireLimits

    def addresses(self) -> list[Address]:
        """Return what can be asked for."""
        return [
            Address("POST", f"{_ALL}/validate/name/{{name}}", self._validate_name),
            Address("POST", f"{_ALL}/validate/resource", self._validate_resource),
            Address("POST", f"{_ALL}/validate", self._validate),
            Address("POST", _ALL, self._create),
            Address("PATCH", _ONE, self._patch),
            Address("DELETE", _ONE, self._delete),
            Address("POST", f"{_ONE}/regenerateKeys", self._regenerate),
        ]

    async def _validate_name(self, request: Request) -> Response:
        name = request.path_params["name"]
        known = {one.name for one in self.deployments.all()}
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
            await self.deployments.check(principal, wish, overwrite=bool(body.overwrite))
        except HermeticError as error:
            return _refusal(error)
        return json({})

    async def _create(self, request: Request) -> Response:
        body = await read(request, ServiceRequest, most=self.limits.json_bytes)
        wish = self._wish(body)
        if wish.sources is None:
            raise BadInput("Tell what is deployed, as environmentImageRequest.")
        operation = await self.deployments.create(
            principal_of(request), wish, overwrite=bool(body.overwrite)
        )
        return self._accepted(request, operation)

    def _wish(self, body: ServiceRequest) -> Wish:
        deployment = deployment_of(body, self.workspace, at=self.clock())
        return wish_of(body, deployment, self.workspace)

    async def _patch(self, request: Request) -> Response:
        items = await read(request, list[PatchItem], most=self.limits.json_bytes)
        name = request.path_params["name"]
        before = self.deployments.find(name)
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
        operation = await self.deployments.update(principal_of(request), name, wish)
        return self._accepted(request, operation)

    async def _delete(self, request: Request) -> Response:
        try:
            operation = await self.deployments.delete(
                principal_of(request), request.path_params["name"]
            )
        except NotFound:
            return Response(status_code=204)
        return self._accepted(request, operation)

    async def _regenerate(self, request: Request) -> Response:
        body = await read(request, RegenerateRequest, most=self.limits.json_bytes)
        kind = body.key_type.lower()
        if kind not in {"primary", "secondary"}:
            raise BadInput(f"{body.key_type[:40]!r} is no key: use Primary or Secondary.")
        operation = await self.deployments.regenerate(
            principal_of(request),
            request.path_params["name"],
            primary=kind == "primary",
            key=body.key_value,
        )
        return self._accepted(request, operation)

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
