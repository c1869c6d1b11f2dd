"""What a compute is to be like: created, attached, changed."""

from typing import TYPE_CHECKING, Self

from azureml.core._node import Json
from azureml.core.compute._ssl import SslConfiguration, check, told
from azureml.exceptions import ComputeTargetException

if TYPE_CHECKING:
    from azureml.core.workspace import Workspace

_PUBLIC, _INTERNAL = "PublicIp", "InternalLoadBalancer"
_PARTS = 9  # of the resource id of a cluster
_NETWORK = (
    "vnet_name",
    "vnet_resourcegroup_name",
    "subnet_name",
    "service_cidr",
    "dns_service_ip",
    "docker_bridge_cidr",
)


class _Wish:
    """What creating and attaching have in common."""

    ssl_cname: str | None = None
    ssl_cert_pem_file: str | None = None
    ssl_key_pem_file: str | None = None
    leaf_domain_label: str | None = None
    overwrite_existing_domain: bool = False

    def enable_ssl(
        self,
        ssl_cname: str | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        leaf_domain_label: str | None = None,
        overwrite_existing_domain: bool = False,
    ) -> Self:
        """Ask for TLS; what was asked for before stays.

        Args:
            ssl_cname: The name a certificate of one's own is for.
            ssl_cert_pem_file: A file with its chain, in PEM.
            ssl_key_pem_file: A file with its key, in PEM without a passphrase.
            leaf_domain_label: What a name that is given begins with, if the certificate is not
                one's own.
            overwrite_existing_domain: Let another label replace the one there is.

        Raises:
            ComputeTargetException: They do not go together.
        """
        self.ssl_cname = ssl_cname or self.ssl_cname
        self.ssl_cert_pem_file = ssl_cert_pem_file or self.ssl_cert_pem_file
        self.ssl_key_pem_file = ssl_key_pem_file or self.ssl_key_pem_file
        self.leaf_domain_label = leaf_domain_label or self.leaf_domain_label
        self.overwrite_existing_domain |= bool(overwrite_existing_domain)
        self.validate_configuration()
        return self

    def validate_configuration(self) -> None:
        """Raise `ComputeTargetException` unless it fits together."""
        own = (self.ssl_cname, self.ssl_cert_pem_file, self.ssl_key_pem_file)
        check(own, self.leaf_domain_label, self.overwrite_existing_domain)

    def _ssl(self) -> Json:
        files = (self.ssl_cert_pem_file, self.ssl_key_pem_file)
        ssl = told(self.ssl_cname, files, self.leaf_domain_label, self.overwrite_existing_domain)
        return {"sslConfiguration": ssl} if ssl else {}


class AksProvisioningConfiguration(_Wish):
    """A compute that is to be created."""

    def __init__(
        self,
        agent_count: int | None = None,
        vm_size: str | None = None,
        ssl_cname: str | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        location: str | None = None,
        vnet_resourcegroup_name: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
        service_cidr: str | None = None,
        dns_service_ip: str | None = None,
        docker_bridge_cidr: str | None = None,
        cluster_purpose: str | None = None,
        load_balancer_type: str | None = None,
        load_balancer_subnet: str | None = None,
    ) -> None:
        """Describe it; what is left out is as the node has it.

        Args:
            agent_count: How many calls it runs at once.
            vm_size: Told again, and nothing more.
            ssl_cname: As `enable_ssl`.
            ssl_cert_pem_file: As `enable_ssl`.
            ssl_key_pem_file: As `enable_ssl`.
            location: Told again.
            vnet_resourcegroup_name: Of a virtual network, which is told again; as the next five.
            vnet_name: Of it.
            subnet_name: Of it.
            service_cidr: Of it.
            dns_service_ip: Of it.
            docker_bridge_cidr: Of it.
            cluster_purpose: `FastProd` or `DevTest`; the latter takes self-signed certificates.
            load_balancer_type: `PublicIp` or `InternalLoadBalancer`, which has no labels.
            load_balancer_subnet: Of an internal one.

        Raises:
            ComputeTargetException: It does not fit together.
        """
        self.agent_count, self.vm_size, self.location = agent_count, vm_size, location
        self.ssl_cname = ssl_cname
        self.ssl_cert_pem_file, self.ssl_key_pem_file = ssl_cert_pem_file, ssl_key_pem_file
        self.vnet_resourcegroup_name, self.vnet_name = vnet_resourcegroup_name, vnet_name
        self.subnet_name, self.service_cidr = subnet_name, service_cidr
        self.dns_service_ip, self.docker_bridge_cidr = dns_service_ip, docker_bridge_cidr
        self.cluster_purpose = cluster_purpose
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise `ComputeTargetException` unless it fits together."""
        super().validate_configuration()
        if self.agent_count and self.agent_count < 0:
            raise ComputeTargetException(f"agent_count is {self.agent_count}: it is at least 1.")
        network = [getattr(self, name) for name in _NETWORK]
        if any(network) and not all(network):
            raise ComputeTargetException(
                f"A virtual network takes {', '.join(_NETWORK)}: give all of them, or none."
            )

    def body(self, workspace: "Workspace") -> Json:
        """Return what is sent to create it."""
        asked = {
            "agentCount": self.agent_count,
            "agentVmSize": self.vm_size,
            "clusterPurpose": self.cluster_purpose,
            "loadBalancerType": self.load_balancer_type,
            "loadBalancerSubnet": self.load_balancer_subnet,
            "aksNetworkingConfiguration": self._network(workspace),
            **self._ssl(),
        }
        inner = {name: value for name, value in asked.items() if value}
        properties: Json = {"computeType": "AKS"}
        if self.location:
            properties["computeLocation"] = self.location
        if inner:
            properties["properties"] = inner
        return {"location": workspace.location, "properties": properties}

    def _network(self, workspace: "Workspace") -> Json | None:
        if not self.vnet_name:
            return None
        group = (
            f"/subscriptions/{workspace.subscription_id}"
            f"/resourceGroups/{self.vnet_resourcegroup_name}"
        )
        network = f"{group}/providers/Microsoft.Network/virtualNetworks/{self.vnet_name}"
        return {
            "subnetId": f"{network}/subnets/{self.subnet_name}",
            "serviceCidr": self.service_cidr,
            "dnsServiceIP": self.dns_service_ip,
            "dockerBridgeCidr": self.docker_bridge_cidr,
        }


class AksAttachConfiguration(_Wish):
    """A compute that is to be attached."""

    def __init__(
        self,
        resource_group: str | None = None,
        cluster_name: str | None = None,
        resource_id: str | None = None,
        cluster_purpose: str | None = None,
        load_balancer_type: str | None = None,
        load_balancer_subnet: str | None = None,
    ) -> None:
        """Name it, by its resource id or by its group and name.

        Args:
            resource_group: Of the cluster; any.
            cluster_name: What the settings of the node call its cluster.
            resource_id: Both in one.
            cluster_purpose: `FastProd` or `DevTest`; the latter takes self-signed certificates.
            load_balancer_type: `PublicIp` or `InternalLoadBalancer`, which has no labels.
            load_balancer_subnet: Of an internal one.

        Raises:
            ComputeTargetException: It does not fit together.
        """
        self.resource_group, self.cluster_name = resource_group, cluster_name
        self.resource_id, self.cluster_purpose = resource_id, cluster_purpose
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise `ComputeTargetException` unless it fits together."""
        super().validate_configuration()
        if self.resource_id:
            self._check_resource_id(self.resource_id)
        elif not self.resource_group:
            raise ComputeTargetException("resource_group is missing, and there is no resource_id.")
        elif not self.cluster_name:
            raise ComputeTargetException("cluster_name is missing, and there is no resource_id.")
        kind, subnet = self.load_balancer_type, self.load_balancer_subnet
        if kind and kind not in {_PUBLIC, _INTERNAL}:
            raise ComputeTargetException(
                f"load_balancer_type is {kind!r}: it is {_PUBLIC} or {_INTERNAL}."
            )
        if subnet and kind != _INTERNAL:
            raise ComputeTargetException(f"load_balancer_subnet goes with {_INTERNAL} alone.")

    def _check_resource_id(self, resource_id: str) -> None:
        if self.resource_group or self.cluster_name:
            raise ComputeTargetException(
                "Give resource_id, or resource_group and cluster_name; not both."
            )
        parts = resource_id.split("/")
        if len(parts) != _PARTS or parts[6] != "Microsoft.ContainerService":
            raise ComputeTargetException(f"{resource_id!r} is no resource id of a cluster.")

    def body(self, workspace: "Workspace") -> Json:
        """Return what is sent to attach it."""
        resource = self.resource_id or (
            f"/subscriptions/{workspace.subscription_id}/resourcegroups/{self.resource_group}"
            f"/providers/Microsoft.ContainerService/managedClusters/{self.cluster_name}"
        )
        inner = {
            **({"clusterPurpose": self.cluster_purpose} if self.cluster_purpose else {}),
            **self._ssl(),
            "loadBalancerType": self.load_balancer_type or _PUBLIC,
            "loadBalancerSubnet": self.load_balancer_subnet,
        }
        properties = {"computeType": "AKS", "resourceId": resource, "properties": inner}
        return {"location": workspace.location, "properties": properties}


class AksUpdateConfiguration:
    """What is to change of a compute."""

    def __init__(
        self,
        ssl_configuration: SslConfiguration | None = None,
        load_balancer_type: str | None = None,
        load_balancer_subnet: str | None = None,
    ) -> None:
        self.ssl_configuration = ssl_configuration
        self.load_balancer_type = load_balancer_type
        self.load_balancer_subnet = load_balancer_subnet

    def validate_configuration(self) -> None:
        """Raise `ComputeTargetException` unless it fits together."""
        if (ssl := self.ssl_configuration) is not None:
            own = (ssl.cname, ssl.cert, ssl.key)
            check(own, ssl.leaf_domain_label, ssl.overwrite_existing_domain)
        if self.load_balancer_subnet and self.load_balancer_type == _PUBLIC:
            raise ComputeTargetException(f"load_balancer_subnet does not go with {_PUBLIC}.")
