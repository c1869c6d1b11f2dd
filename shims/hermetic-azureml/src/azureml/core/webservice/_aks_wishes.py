"""How a service on a compute is to be deployed, and what of it goes together."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from azureml.core._node import Json
from azureml.core.webservice._common import collecting, common
from azureml.exceptions import WebserviceException

_SCALER = {
    "autoscale_enabled": "autoscaleEnabled",
    "autoscale_min_replicas": "minReplicas",
    "autoscale_max_replicas": "maxReplicas",
    "autoscale_refresh_seconds": "refreshPeriodInSeconds",
    "autoscale_target_utilization": "targetUtilization",
}
_CONTAINER = {
    "cpu_cores": "cpu",
    "cpu_cores_limit": "cpuLimit",
    "memory_gb": "memoryInGB",
    "memory_gb_limit": "memoryInGBLimit",
    "gpu_cores": "gpu",
}
_PROBE = {
    "period_seconds": "periodSeconds",
    "initial_delay_seconds": "initialDelaySeconds",
    "timeout_seconds": "timeoutSeconds",
    "success_threshold": "successThreshold",
    "failure_threshold": "failureThreshold",
}
_ALWAYS = {
    "num_replicas": "numReplicas",
    "replica_max_concurrent_requests": "maxConcurrentRequestsPerContainer",
    "max_request_wait_time": "maxQueueWaitMs",
    "scoring_timeout_ms": "scoringTimeoutMs",
    "namespace": "namespace",
}
_SOMETIMES = {
    "enable_app_insights": "appInsightsEnabled",
    "auth_enabled": "authEnabled",
    "token_auth_enabled": "aadAuthEnabled",
    "ssl_enabled": "sslEnabled",
}

CHANGES = {
    **{name: f"autoScaler/{told}" for name, told in _SCALER.items()},
    "collect_model_data": "dataCollection/storageEnabled",
    **{name: told for name, told in _SOMETIMES.items() if name != "ssl_enabled"},
    **{name: f"containerResourceRequirements/{told}" for name, told in _CONTAINER.items()},
    **{name: f"livenessProbeRequirements/{told}" for name, told in _PROBE.items()},
    **_ALWAYS,
    "description": "description",
    "tags": "kvTags",
}

_NUMBERS = [
    *[name for name in _SCALER if name != "autoscale_enabled"],
    *_CONTAINER,
    *_PROBE,
    *[name for name in _ALWAYS if name != "namespace"],
]
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{,61}[a-z0-9])?\Z")


class AksServiceDeploymentConfiguration:
    """How a service on a compute is to be deployed."""

    def __init__(self, **asked: Any) -> None:  # as `deploy_configuration`
        self.__dict__.update(asked)
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise `WebserviceException`, which tells all that does not fit together."""
        check(vars(self))

    def body(self, name: str, compute: str | None, image: Json) -> Json:
        """Return what is sent to deploy it."""
        asked = vars(self)
        made = common(asked, "AKS", name, image) | collecting(asked)
        made |= {told: asked[option] for option, told in _ALWAYS.items()}
        made |= {
            "computeName": compute,
            "containerResourceRequirements": _told(asked, _CONTAINER),
            "livenessProbeRequirements": _told(asked, _PROBE),
        }
        scaler = _told(asked, _SCALER)
        if any(value is not None for value in scaler.values()):
            made["autoScaler"] = scaler
        for option, told in _SOMETIMES.items():
            if asked[option] is not None:
                made[told] = asked[option]
        if asked["blobfuse_enabled"] is not None:
            made["storageInitEnabled"] = not asked["blobfuse_enabled"]
        return made


def check(asked: Mapping[str, Any], *, changing: bool = False) -> None:
    """Raise `WebserviceException`, which tells all that does not fit together.

    Args:
        asked: Options by their names.
        changing: Whether what is not told stays, instead of being as it is by default.
    """
    wrong = [*_wrong_numbers(asked), *_wrong_scaling(asked, changing=changing)]
    namespace = asked.get("namespace")
    if namespace and not _NAMESPACE.match(namespace):
        wrong.append(f"namespace is {namespace!r}: it is of a-z, 0-9 and -, 63 at most.")
    if asked.get("auth_enabled") and asked.get("token_auth_enabled"):
        wrong.append("auth_enabled and token_auth_enabled: a service takes keys or tokens.")
    if wrong:
        raise WebserviceException("\n".join(wrong))


def _wrong_numbers(asked: Mapping[str, Any]) -> Iterator[str]:
    for name in _NUMBERS:
        value = asked.get(name)
        if value is not None and (value < 0 or (value == 0 and name != "gpu_cores")):
            yield f"{name} is {value}: it is above 0."
    for name in ("cpu_cores", "memory_gb"):
        value, limit = asked.get(name), asked.get(f"{name}_limit")
        if value is not None and limit is not None and limit < value:
            yield f"{name}_limit is {limit}: it is at least {name}, which is {value}."


def _wrong_scaling(asked: Mapping[str, Any], *, changing: bool) -> Iterator[str]:
    enabled, replicas = asked.get("autoscale_enabled"), asked.get("num_replicas")
    if enabled and replicas:
        yield "autoscale_enabled and num_replicas: either is chosen by the other's absence."
    if enabled is False and not replicas and not changing:
        yield "autoscale_enabled is False: say num_replicas."
    others = [name for name in _SCALER if name != "autoscale_enabled" and asked.get(name)]
    if others and not enabled:
        yield f"{', '.join(others)}: say autoscale_enabled=True too."
    least, most = asked.get("autoscale_min_replicas"), asked.get("autoscale_max_replicas")
    if least and most and least > most:
        yield f"autoscale_min_replicas is {least}: it is at most autoscale_max_replicas, {most}."


def _told(asked: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    return {told: asked[option] for option, told in names.items()}
