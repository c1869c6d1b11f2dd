"""Computes of the kind AKS: front ends with workers behind them, and their TLS."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from azureml.core._node import Json, Refused, refusal
from azureml.core.compute._aks_wishes import (
    AksAttachConfiguration,
    AksProvisioningConfiguration,
    AksUpdateConfiguration,
)
from azureml.core.compute._ssl import SslConfiguration, asked
from azureml.core.compute.compute import ComputeTarget
from azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

__all__ = [
    "AksAttachConfiguration",
    "AksCompute",
    "AksProvisioningConfiguration",
    "AksUpdateConfiguration",
    "SslConfiguration",
    "SystemService",
]


@dataclass
class SystemService:
    """A part of a compute that others reach."""

    service_type: str
    version: str
    public_ip_address: str


class AksCompute(ComputeTarget):
    """A compute of the kind AKS."""

    _compute_type = "AKS"

    class ClusterPurpose:
        """What a compute is for."""

        FAST_PROD = "FastProd"
        DEV_TEST = "DevTest"

    def _load(self, workspace: "Workspace", body: Json) -> None:
        super()._load(workspace, body)
        inner = body["properties"]["properties"] or {}
        self.agent_vm_size: str | None = inner.get("agentVmSize")
        self.agent_count: int | None = inner.get("agentCount")
        self.cluster_purpose: str | None = inner.get("clusterPurpose")
        self.cluster_fqdn: str | None = inner.get("clusterFqdn")
        self.load_balancer_type: str | None = inner.get("loadBalancerType")
        self.load_balancer_subnet: str | None = inner.get("loadBalancerSubnet")
        self.ssl_configuration = SslConfiguration.deserialize(inner.get("sslConfiguration"))
        self.system_services = [
            SystemService(one["systemServiceType"], one["version"], one["publicIpAddress"])
            for one in inner.get("systemServices") or ()
        ]

    # Called as functions are, with the parameters of their classes.
    provisioning_configuration = AksProvisioningConfiguration
    attach_configuration = AksAttachConfiguration

    @staticmethod
    def attach(workspace: "Workspace", name: str, resource_id: object) -> "ComputeTarget":
        """Raise `ComputeTargetException`, which says what there is instead; as the original."""
        del workspace, name, resource_id
        raise ComputeTargetException(
            "Use AksCompute.attach_configuration, and ComputeTarget.attach with what it returns."
        )

    def update(self, update_configuration: AksUpdateConfiguration) -> None:
        """Begin to change it, as it is now.

        Raises:
            ComputeTargetException: It does not fit together, or the node refuses.
        """
        update_configuration.validate_configuration()
        self.refresh_state()
        outer = dict(self._body["properties"])
        inner = dict(outer["properties"] or {})
        told = {
            "sslConfiguration": asked(
                update_configuration.ssl_configuration, inner.get("sslConfiguration")
            ),
            "loadBalancerType": update_configuration.load_balancer_type,
            "loadBalancerSubnet": update_configuration.load_balancer_subnet,
        }
        # What is left out stays as it is.
        outer["properties"] = {
            **{name: value for name, value in inner.items() if name not in told},
            **{name: value for name, value in told.items() if value},
        }
        self._begin("PUT", f"/computes/{self.name}", {**self._body, "properties": outer})

    def get_credentials(self) -> Json:
        """Return what there is to speak to the cluster behind it."""
        try:
            return self.workspace._of_computes("POST", f"/computes/{self.name}/listKeys").body
        except Refused as error:
            raise refusal(error, ComputeTargetException, "Resource Provider") from error

    @staticmethod
    def deserialize(workspace: "Workspace", object_dict: Json) -> "AksCompute":
        """Return a compute that was read."""
        made = object.__new__(AksCompute)
        made._operation = ""
        made._load(workspace, object_dict)
        return made
