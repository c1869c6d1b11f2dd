"""Services on a compute."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from azureml.core._node import Json
from azureml.core._patching import changes
from azureml.core.webservice._aks_wishes import (
    CHANGES,
    AksServiceDeploymentConfiguration,
    check,
)
from azureml.core.webservice._common import ContainerResourceRequirements
from azureml.core.webservice.webservice import Webservice, added
from azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azureml.core._inference import InferenceConfig
    from azureml.core.model import Model
    from azureml.core.workspace import Workspace


@dataclass
class AutoScaler:
    """How many replicas there are, by what they have to do."""

    autoscale_enabled: bool | None
    min_replicas: int | None
    max_replicas: int | None
    refresh_period_seconds: int | None
    target_utilization: int | None


@dataclass
class LivenessProbeRequirements:
    """When a replica counts as alive."""

    period_seconds: int
    initial_delay_seconds: int
    timeout_seconds: int
    success_threshold: int
    failure_threshold: int


@dataclass(frozen=True)
class AccessToken:
    """What lets a caller in for some time."""

    access_token: str = field(repr=False)
    refresh_after: datetime
    expiry_on: datetime
    token_type: str


class AksWebservice(Webservice):
    """A service on a compute."""

    _compute_type = "AKS"

    def _load(self, workspace: "Workspace", body: Json) -> None:
        super()._load(workspace, body)
        self.compute_name: str | None = body["computeName"]
        self.token_auth_enabled: bool = bool(body["aadAuthEnabled"])
        self.num_replicas: int | None = body["numReplicas"]
        self.namespace: str | None = body.get("namespace")
        self.scoring_timeout_ms: int | None = body["scoringTimeoutMs"]
        self.max_request_wait_time: int | None = body["maxQueueWaitMs"]
        self.max_concurrent_requests_per_container: int | None = body[
            "maxConcurrentRequestsPerContainer"
        ]
        self.deployment_status: Json | None = body.get("deploymentStatus")
        self.container_resource_requirements = ContainerResourceRequirements.deserialize(
            body["containerResourceRequirements"]
        )
        scaler, probe = body["autoScaler"], body["livenessProbeRequirements"]
        self.autoscaler = AutoScaler(*(scaler[name] for name in _SCALER))
        self.liveness_probe_requirements = (
            LivenessProbeRequirements(*(probe[name] for name in _PROBE)) if probe else None
        )

    @staticmethod
    def deploy_configuration(
        autoscale_enabled: bool | None = None,
        autoscale_min_replicas: int | None = None,
        autoscale_max_replicas: int | None = None,
        autoscale_refresh_seconds: int | None = None,
        autoscale_target_utilization: int | None = None,
        collect_model_data: bool | None = None,
        auth_enabled: bool | None = None,
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        enable_app_insights: bool | None = None,
        scoring_timeout_ms: int | None = None,
        replica_max_concurrent_requests: int | None = None,
        max_request_wait_time: int | None = None,
        num_replicas: int | None = None,
        primary_key: str | None = None,
        secondary_key: str | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        gpu_cores: int | None = None,
        period_seconds: int | None = None,
        initial_delay_seconds: int | None = None,
        timeout_seconds: int | None = None,
        success_threshold: int | None = None,
        failure_threshold: int | None = None,
        namespace: str | None = None,
        token_auth_enabled: bool | None = None,
        compute_target_name: str | None = None,
        cpu_cores_limit: float | None = None,
        memory_gb_limit: float | None = None,
        blobfuse_enabled: bool | None = None,
        ssl_enabled: bool | None = None,
    ) -> AksServiceDeploymentConfiguration:
        """Return what describes a service that is to be deployed.

        Beside what the original takes, `ssl_enabled=False` leaves the service without TLS,
        whatever its compute has.

        Raises:
            WebserviceException: It does not fit together; all that does not is told at once.
        """
        return AksServiceDeploymentConfiguration(**locals())

    def update(
        self,
        image: object = None,
        autoscale_enabled: bool | None = None,
        autoscale_min_replicas: int | None = None,
        autoscale_max_replicas: int | None = None,
        autoscale_refresh_seconds: int | None = None,
        autoscale_target_utilization: int | None = None,
        collect_model_data: bool | None = None,
        auth_enabled: bool | None = None,
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        enable_app_insights: bool | None = None,
        scoring_timeout_ms: int | None = None,
        replica_max_concurrent_requests: int | None = None,
        max_request_wait_time: int | None = None,
        num_replicas: int | None = None,
        tags: "Mapping[str, str] | None" = None,
        properties: "Mapping[str, str] | None" = None,
        description: str | None = None,
        models: "Sequence[Model] | None" = None,
        inference_config: "InferenceConfig | None" = None,
        gpu_cores: int | None = None,
        period_seconds: int | None = None,
        initial_delay_seconds: int | None = None,
        timeout_seconds: int | None = None,
        success_threshold: int | None = None,
        failure_threshold: int | None = None,
        namespace: str | None = None,
        token_auth_enabled: bool | None = None,
        cpu_cores_limit: float | None = None,
        memory_gb_limit: float | None = None,
        **_more: object,
    ) -> None:
        """Begin to change it; what is not told stays.

        Raises:
            WebserviceException: Nothing is told, it does not fit together, or the node refuses.
        """
        told = {name: value for name, value in locals().items() if name in CHANGES}
        check(told, changing=True)
        self._check_switch(auth_enabled, token_auth_enabled)
        del image
        told["gpu_cores"] = gpu_cores or None  # as the original: none are not told
        items = changes(told, CHANGES) + added(properties or {})
        self._patch(items + self._image(inference_config, models))

    def _check_switch(self, keys: bool | None, tokens: bool | None) -> None:
        """Refuse to have both after a change, since what is not told stays."""
        if tokens and self.auth_enabled and keys is not False:
            raise WebserviceException("Tokens come instead of keys: say auth_enabled=False too.")
        if keys and self.token_auth_enabled and tokens is not False:
            raise WebserviceException(
                "Keys come instead of tokens: say token_auth_enabled=False too."
            )

    def get_access_token(self) -> AccessToken:
        """Return a token that lets a caller in for some time."""
        told = self._asked("token")
        refresh, expiry = (
            datetime.fromtimestamp(told[name], UTC) for name in ("refreshAfter", "expiryOn")
        )
        return AccessToken(told["accessToken"], refresh, expiry, told["tokenType"])

    def get_token(self) -> tuple[str, datetime]:
        """Return such a token, and when to ask for the next."""
        token = self.get_access_token()
        return token.access_token, token.refresh_after

    def _shown(self) -> dict[str, str]:
        if self.token_auth_enabled:
            return {"authorization": f"Bearer {self.get_token()[0]}"}
        return super()._shown()


_SCALER = (
    "autoscaleEnabled",
    "minReplicas",
    "maxReplicas",
    "refreshPeriodInSeconds",
    "targetUtilization",
)
_PROBE = (
    "periodSeconds",
    "initialDelaySeconds",
    "timeoutSeconds",
    "successThreshold",
    "failureThreshold",
)
