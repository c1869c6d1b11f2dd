"""Web services, as `azureml-core` reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hermetic.access.policy import may_publish
from hermetic.access.principals import Principal
from hermetic.compat.azureml.models import has, model_told
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.telling import Telling, operation_told
from hermetic.compat.azureml.use_cases import UseCases
from hermetic.compat.azureml.workspace import Workspace
from hermetic.errors import NotFound
from hermetic.http.endpoint import json, principal_of
from hermetic.serving.deployment import Deployment

_ALL, _ONE = "/mms/services", "/mms/services/{name}"
_LINES = 5000


@dataclass(frozen=True)
class ServicesApi:
    """Answers what is asked about services."""

    workspace: Workspace
    cases: UseCases
    telling: Telling

    def addresses(self) -> list[Address]:
        """Return what can be asked."""
        return [
            Address("GET", _ALL, self._list),
            Address("GET", _ONE, self._show),
            Address("POST", f"{_ONE}/listkeys", self._keys),
            Address("POST", f"{_ONE}/token", self._token),
            Address("GET", f"{_ONE}/logs", self._logs),
            Address("GET", "/mms/operations/{id}", self._operation),
        ]

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
