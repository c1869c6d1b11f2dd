"""What a client of Azure ML reads of a service and of an operation.  Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hermetic.compat.azureml.workspace import Reached, Workspace
from hermetic.gateway.deployments import is_sealed
from hermetic.gateway.operations import Operation, OperationState
from hermetic.serving.deployment import Deployment, DeploymentKind, DeploymentState
from hermetic.serving.frontend import FrontEndTls, TlsState

_SERVICE_PATH = "/api/v1/service/"
_SCALER = {
    "autoscaleEnabled": True,
    "minReplicas": 1,
    "maxReplicas": 10,
    "refreshPeriodInSeconds": 1,
    "targetUtilization": 70,
}
_PROBES = {
    "periodSeconds": 10,
    "initialDelaySeconds": 310,
    "timeoutSeconds": 2,
    "successThreshold": 1,
    "failureThreshold": 3,
}
_RESOURCES = {"cpu": 0.1, "cpuLimit": None, "memoryInGB": 0.5, "memoryInGBLimit": None, "gpu": 0}


@dataclass(frozen=True)
class Telling:
    """Tells of services; *compute_tls* gives how a compute is sealed."""

    workspace: Workspace
    reached: Reached
    compute_tls: Callable[[str], FrontEndTls]

    def scoring_uri(self, one: Deployment) -> str:
        """Return where *one* is called, as it is: sealed or not, at the port that is open."""
        reached = self.reached
        if one.kind is DeploymentKind.ACI:
            if one.tls.state is TlsState.DISABLED:
                return f"http://{one.host}:{reached.http_port}/score"
            return f"https://{one.tls.host}:{reached.https_port}/score"
        tls = self.compute_tls(one.compute)
        path = f"{_SERVICE_PATH}{one.name}/score"
        if is_sealed(one, tls.state):
            return f"https://{tls.host}:{reached.https_port}{path}"
        return f"http://{reached.address}:{reached.http_port}{path}"

    def service(self, one: Deployment) -> dict[str, Any]:
        """Return a service as clients read it; what is secret is `null`."""
        state = DeploymentState(one.state)
        code, text = one.error or ("", "")
        common = {
            **one.told,
            "id": f"{self.workspace.id}/services/{one.name}",
            "name": one.name,
            "description": one.description,
            "kvTags": dict(one.tags),
            "properties": dict(one.properties),
            "computeType": one.kind,
            "createdTime": one.created_at.isoformat(),
            "updatedTime": one.changed_at.isoformat(),
            "createdBy": {"userName": one.owner},
            "state": state,
            "error": _error(code, text) if one.error else None,
            "scoringUri": self.scoring_uri(one) if state is DeploymentState.HEALTHY else None,
            "authEnabled": one.key_auth,
            "aadAuthEnabled": one.token_auth,
            "appInsightsEnabled": bool(one.told.get("appInsightsEnabled")),
            "imageId": None,
            "imageDigest": one.bundle or None,
            "deploymentType": "User",
        }
        common |= self._own(one) if one.kind is DeploymentKind.ACI else _shared(one)
        resources = {**_RESOURCES, **_known(one.told.get("containerResourceRequirements"))}
        return {**common, "containerResourceRequirements": resources}

    def _own(self, one: Deployment) -> dict[str, Any]:
        sealed = one.tls.state is not TlsState.DISABLED
        return {
            "location": one.told.get("location") or self.workspace.region,
            "sslEnabled": sealed,
            "sslCertificate": None,
            "sslKey": None,
            "cname": one.tls.host or None,
            "publicIp": self.reached.address,
            "publicFqdn": one.tls.host if sealed else one.host,
        }


def _shared(one: Deployment) -> dict[str, Any]:
    told = one.told
    replicas = one.sizing.replicas
    healthy = one.state is DeploymentState.HEALTHY
    scaler = {**_SCALER, **_known(told.get("autoScaler"))}
    if told.get("numReplicas") is not None and not _known(told.get("autoScaler")):
        scaler["autoscaleEnabled"] = False
    return {
        "computeName": one.compute,
        "autoScaler": scaler,
        "dataCollection": {
            "eventHubEnabled": False,
            "storageEnabled": False,
            **_known(told.get("dataCollection")),
        },
        "numReplicas": told.get("numReplicas"),
        "maxConcurrentRequestsPerContainer": one.sizing.concurrency,
        "maxQueueWaitMs": int(one.sizing.queue_s * 1000),
        "scoringTimeoutMs": int(one.sizing.timeout_s * 1000),
        "livenessProbeRequirements": {
            **_PROBES,
            **_known(told.get("livenessProbeRequirements")),
        },
        "deploymentStatus": {
            "desiredReplicas": replicas,
            "updatedReplicas": replicas if healthy else 0,
            "availableReplicas": replicas if healthy else 0,
            "error": None,
        },
        "namespace": told.get("namespace"),
        "isDefault": None,
        "trafficPercentile": None,
        "type": None,
    }


def operation_told(one: Operation, workspace: Workspace) -> dict[str, Any]:
    """Return an operation as clients read it, with all that happened until now."""
    failure = one.failure
    history = "#".join(f"{at:%Y%m%d%H%M%S}|{line}" for at, line in one.log)
    return {
        "id": one.id,
        "operationType": "Service",
        "state": one.state,
        "createdTime": one.created_at.isoformat(),
        "endTime": None if one.ended_at is None else one.ended_at.isoformat(),
        "error": None if failure is None else _error(failure.code, failure.message, failure.status),
        "resourceLocation": f"{workspace.id}/services/{one.resource.rpartition('/')[2]}",
        "operationLog": None,
        "operationDetails": {
            "subOperationType": "DeployService",
            "subOperationState": one.state,
        },
        "streamingOperationLog": history if one.state is OperationState.RUNNING else f"{history}#",
    }


def _error(code: str, message: str, status: int = 400) -> dict[str, Any]:
    return {"code": code, "statusCode": status, "message": message, "details": []}


def _known(told: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (told or {}).items() if value is not None}
