"""Computes, as `azureml-core` asks for them (api-version 2020-02-02)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from hermetic.clock import Clock
from hermetic.compat.azureml.cloud import base_of
from hermetic.compat.azureml.messages import AksRequest, ComputeRequest, SslRequest
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.workspace import Reached, Workspace
from hermetic.errors import BadInput, NotFound
from hermetic.gateway.computes import Compute, Computes
from hermetic.gateway.operations import Operation, Operations, OperationState
from hermetic.http.endpoint import json, principal_of, read
from hermetic.http.limits import WireLimits
from hermetic.serving.frontend import Asked, FrontEndTls, TlsState

_ONE = "/arm/computes/{name}"
_CLUSTERS = "microsoft.containerservice"
_PARTS = 9  # of a cluster's resource id, divided by slashes
_WORDS = {
    OperationState.RUNNING: "InProgress",
    OperationState.SUCCEEDED: "Succeeded",
    OperationState.FAILED: "Failed",
}


@dataclass(frozen=True)
class ComputesApi:
    """Answers what is asked about computes."""

    workspace: Workspace
    reached: Reached
    computes: Computes
    operations: Operations
    clock: Clock
    limits: WireLimits

    def addresses(self) -> list[Address]:
        """Return what can be asked."""
        return [
            Address("PUT", _ONE, self._put),
            Address("DELETE", _ONE, self._delete),
            Address("POST", f"{_ONE}/listKeys", self._credentials),
            Address("GET", _ONE, self._show),
            Address("GET", "/rp/computes/{name}", self._show),
            Address("GET", "/rp/computes", self._list),
            Address("GET", "/arm/computes", self._list),
            Address("GET", "/arm/computeOperations/{id}", self._operation),
        ]

    async def _put(self, request: Request) -> Response:
        principal, name = principal_of(request), str(request.path_params["name"])
        body = await read(request, ComputeRequest, most=self.limits.json_bytes)
        if body.properties.compute_type.upper() != "AKS":
            raise BadInput(
                f"A compute of type {body.properties.compute_type[:40]!r} cannot be had here:"
                " AKS is what services are deployed on."
            )
        told = body.properties.properties or AksRequest()
        if body.id is None:
            wish = self._wish(name, body, told)
            operation = await self.computes.create(principal, wish, asked_of(told))
        else:
            wish = _changed(self.computes.find(name), body, told)
            operation = await self.computes.update(principal, name, wish, asked_of(told))
        return self._accepted(request, operation, 201 if body.id is None else 200)

    async def _delete(self, request: Request) -> Response:
        action = request.query_params.get("underlyingResourceAction", "Delete").lower()
        operation = await self.computes.remove(
            principal_of(request), request.path_params["name"], detach=action == "detach"
        )
        return self._accepted(request, operation, 202)

    async def _credentials(self, request: Request) -> Response:
        self.computes.find(request.path_params["name"])
        # There is no Kubernetes behind it, and so nothing that would speak to one.
        return json(
            {
                "computeType": "AKS",
                "userKubeConfig": "",
                "adminKubeConfig": "",
                "imagePullSecretName": "",
            }
        )

    async def _show(self, request: Request) -> Response:
        return json(self._told(self.computes.find(request.path_params["name"])))

    async def _list(self, request: Request) -> Response:
        return json({"value": [self._told(one) for one in self.computes.all()]})

    async def _operation(self, request: Request) -> Response:
        found = await self.operations.find(request.path_params["id"])
        if found is None:
            raise NotFound("There is no such operation, or it ended more than a week ago.")
        told: dict[str, Any] = {
            "id": found.id,
            "status": _WORDS[found.state],
            "startTime": found.created_at.isoformat(),
        }
        if found.failure is not None:
            told["error"] = {
                "code": found.failure.code,
                "statusCode": found.failure.status,
                "message": found.failure.message,
            }
        return json(told)

    def _accepted(self, request: Request, operation: Operation, status: int) -> Response:
        base = f"{base_of(request).url}{self.workspace.id}"
        address = f"{base}/computeOperations/{operation.id}"
        response = json({}, status)
        response.headers["azure-asyncoperation"] = address
        return response

    def _wish(self, name: str, body: ComputeRequest, told: AksRequest) -> Compute:
        now, properties = self.clock(), body.properties
        wish = Compute(
            name=name,
            owner="",
            created_at=now,
            changed_at=now,
            location=properties.compute_location or self.workspace.region,
            description=properties.description,
            tags=body.tags or {},
            networking=told.aks_networking_configuration,
        )
        if properties.resource_id:
            self._refuse_stranger(properties.resource_id)
            wish = replace(wish, resource_id=properties.resource_id)
        return _sized(wish, told)

    def _refuse_stranger(self, resource_id: str) -> None:
        parts = resource_id.split("/")
        if len(parts) != _PARTS or parts[6].lower() != _CLUSTERS:
            raise BadInput(f"{resource_id[:200]!r} is no resource id of a cluster.")
        if parts[-1].lower() != self.workspace.cluster.lower():
            raise BadInput(
                f"There is no cluster {parts[-1][:80]!r} to attach: this installation's own is"
                f" called {self.workspace.cluster!r} (AzureML.Cluster)."
            )

    def _told(self, one: Compute) -> dict[str, Any]:
        state, errors = self._standing(one)
        front = {
            "systemServiceType": "ScoringFrontEnd",
            "version": "1",
            "publicIpAddress": self.reached.address,
        }
        return {
            "id": f"{self.workspace.id}/computes/{one.name}",
            "name": one.name,
            "type": "Microsoft.MachineLearningServices/workspaces/computes",
            "location": self.workspace.region,
            "tags": dict(one.tags),
            "properties": {
                "computeType": "AKS",
                "computeLocation": one.location,
                "description": one.description,
                "resourceId": one.resource_id or self._own_cluster(),
                "provisioningState": state,
                "provisioningErrors": errors,
                "isAttachedCompute": one.resource_id is not None,
                "createdOn": one.created_at.isoformat(),
                "modifiedOn": one.changed_at.isoformat(),
                "properties": {
                    "agentVmSize": one.vm_size,
                    "agentCount": one.agent_count,
                    "clusterPurpose": one.purpose,
                    "clusterFqdn": one.tls.host or self.reached.address,
                    "systemServices": [front],
                    "sslConfiguration": _ssl(one.tls),
                    "loadBalancerType": one.balancer,
                    "loadBalancerSubnet": one.balancer_subnet,
                    "aksNetworkingConfiguration": one.networking,
                },
            },
        }

    def _standing(self, one: Compute) -> tuple[str, list[dict[str, Any]] | None]:
        """Return how a compute stands, and what went wrong when it was created."""
        if self.computes.is_changing(one.name):
            return "Creating" if one.failure else "Updating", None
        if one.failure is None:
            return "Succeeded", None
        code, text = one.failure
        return "Failed", [{"error": {"code": code, "message": text, "details": []}}]

    def _own_cluster(self) -> str:
        one = self.workspace
        return (
            f"/subscriptions/{one.subscription}/resourceGroups/{one.group}/providers/"
            f"Microsoft.ContainerService/managedClusters/{one.cluster}"
        )


def asked_of(told: AksRequest) -> Asked:
    """Return what *told* asks of a front end's TLS; nothing where it says nothing."""
    ssl = told.ssl_configuration
    if ssl is None or ssl.status is None:
        return Asked()
    try:
        state = TlsState(ssl.status.title())
    except ValueError:
        raise BadInput(
            f"{ssl.status[:40]!r} is no status of TLS: use {', '.join(TlsState)}."
        ) from None
    return _asked(state, ssl)


def _asked(state: TlsState, ssl: SslRequest) -> Asked:
    return Asked(
        state,
        renew=bool(ssl.renew),
        label=ssl.leaf_domain_label or "",
        overwrite=bool(ssl.overwrite_existing_domain),
        host=ssl.cname or "",
        certificate=ssl.cert,
        key=ssl.key,
    )


def _sized(wish: Compute, told: AksRequest) -> Compute:
    """Return *wish* with what *told* says of its size and its network."""
    return replace(
        wish,
        agent_count=wish.agent_count if told.agent_count is None else told.agent_count,
        vm_size=told.agent_vm_size or wish.vm_size,
        purpose=told.cluster_purpose or wish.purpose,
        balancer=told.load_balancer_type or wish.balancer,
        balancer_subnet=told.load_balancer_subnet or wish.balancer_subnet,
    )


def _changed(now: Compute, body: ComputeRequest, told: AksRequest) -> Compute:
    tags = now.tags if body.tags is None else body.tags
    return _sized(replace(now, tags=tags), told)


def _ssl(tls: FrontEndTls) -> Mapping[str, Any]:
    """Return how a front end is sealed; keys are never shown."""
    # All members are there, since a client looks for the label where there is none.
    is_auto = tls.state is TlsState.AUTO
    return {
        "status": tls.state,
        "cert": None,
        "key": None,
        "cname": tls.host or None,
        "leafDomainLabel": tls.label if is_auto else None,
        "overwriteExistingDomain": False,
        "renew": False,
    }
