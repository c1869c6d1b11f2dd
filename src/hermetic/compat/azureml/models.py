"""Assets and models, as `azureml-core` asks for them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from hermetic.clock import Clock
from hermetic.compat.azureml.messages import AssetRequest, ModelRequest, PatchItem
from hermetic.compat.azureml.patching import patched
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.workspace import Workspace
from hermetic.errors import BadInput
from hermetic.gateway.models import Asset, Model, Models
from hermetic.http.endpoint import json, principal_of, read
from hermetic.http.limits import WireLimits

_ASSET_URL = "aml://asset/"
_TOLD = (
    "mimeType",
    "framework",
    "frameworkVersion",
    "unpack",
    "experimentName",
    "runId",
    "resourceRequirements",
    "sampleInputData",
    "sampleOutputData",
)


@dataclass(frozen=True)
class ModelsApi:
    """Answers what is asked about models."""

    workspace: Workspace
    models: Models
    clock: Clock
    limits: WireLimits

    def addresses(self) -> list[Address]:
        """Return what can be asked."""
        return [
            Address("POST", "/mms/assets", self._add_asset),
            Address("GET", "/mms/assets/{id}", self._asset),
            Address("POST", "/mms/models", self._register),
            Address("GET", "/mms/models", self._list),
            Address("GET", "/mms/models/{id}", self._show),
            Address("PATCH", "/mms/models/{id}", self._patch),
            Address("DELETE", "/mms/models/{id}", self._delete),
        ]

    async def _add_asset(self, request: Request) -> Response:
        body = await read(request, AssetRequest, most=self.limits.json_bytes)
        prefixes = [one.prefix.strip("/") for one in body.artifacts]
        return json(_asset(await self.models.add_asset(principal_of(request), body.name, prefixes)))

    async def _asset(self, request: Request) -> Response:
        return json(_asset(await self.models.asset(request.path_params["id"])))

    async def _register(self, request: Request) -> Response:
        body = await read(request, ModelRequest, most=self.limits.json_bytes)
        if not body.url.startswith(_ASSET_URL):
            raise BadInput(f"{body.url[:200]!r} is no asset: register one first, then its model.")
        told = msgspec.to_builtins(body)
        model = Model(
            body.name,
            0,
            "",
            self.clock(),
            body.url.removeprefix(_ASSET_URL),
            body.description,
            body.kv_tags or {},
            body.properties or {},
            {name: told[name] for name in _TOLD},
        )
        return json(model_told(await self.models.register(principal_of(request), model)))

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        latest = query.get("latestVersionOnly", "false").lower() == "true"
        found = await self.models.all(query.get("name") or None, latest=latest)
        kept = [one for one in found if has(one.tags, query.get("tags", ""))]
        kept = [one for one in kept if has(one.properties, query.get("properties", ""))]
        framework = query.get("framework")
        if framework:
            kept = [one for one in kept if one.told.get("framework") == framework]
        return json({"value": [model_told(one) for one in kept]})

    async def _show(self, request: Request) -> Response:
        return json(model_told(await self.models.find(request.path_params["id"])))

    async def _patch(self, request: Request) -> Response:
        items = await read(request, list[PatchItem], most=self.limits.json_bytes)

        def changing(now: Model) -> Model:
            told = patched(model_told(now), items)
            fixed = {key: told["properties"].get(key) for key in now.properties}
            if fixed != dict(now.properties):
                raise BadInput("Properties of a model can be added, and not changed or removed.")
            return replace(
                now,
                tags=told["kvTags"] or {},
                properties=told["properties"] or {},
                description=told["description"],
                told={name: told.get(name) for name in _TOLD},
            )

        changed = await self.models.change(
            principal_of(request), request.path_params["id"], changing
        )
        return json(model_told(changed))

    async def _delete(self, request: Request) -> Response:
        await self.models.remove(principal_of(request), request.path_params["id"])
        return Response(status_code=200)


def model_told(one: Model) -> dict[str, Any]:
    """Return a model as clients read it."""
    return {
        "id": one.id,
        "name": one.name,
        "version": one.version,
        "url": f"{_ASSET_URL}{one.asset}",
        "description": one.description,
        "kvTags": dict(one.tags),
        "properties": dict(one.properties),
        "createdTime": one.created_at.isoformat(),
        "createdBy": {"userName": one.owner},
        "modifiedTime": one.created_at.isoformat(),
        "datasets": [],
        **one.told,
    }


def _asset(one: Asset) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "artifacts": [{"id": None, "prefix": prefix} for prefix in one.prefixes],
    }


def has(values: Mapping[str, str], asked: str) -> bool:
    """Whether *values* have what *asked* names: `key` or `key=value`, divided by commas."""
    for one in filter(None, asked.split(",")):
        key, equals, value = one.partition("=")
        if key not in values or (equals and values[key] != value):
            return False
    return True
