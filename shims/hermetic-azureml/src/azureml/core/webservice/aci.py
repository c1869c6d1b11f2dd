"""Services with a front end of their own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azureml.core._node import Json
from azureml.core._patching import changes
from azureml.core.webservice._common import ContainerResourceRequirements, collecting, common
from azureml.core.webservice.webservice import Webservice, added
from azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from azureml.core._inference import InferenceConfig
    from azureml.core.model import Model
    from azureml.core.workspace import Workspace

_CHANGES = {
    "tags": "kvTags",
    "description": "description",
    "auth_enabled": "authEnabled",
    "ssl_enabled": "sslEnabled",
    "ssl_cert": "sslCertificate",
    "ssl_key": "sslKey",
    "ssl_cname": "cname",
    "enable_app_insights": "appInsightsEnabled",
}


class AciServiceDeploymentConfiguration:
    """How a service with a front end of its own is to be deployed."""

    def __init__(self, **asked: Any) -> None:  # as `deploy_configuration`
        self.__dict__.update(asked)
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise `WebserviceException` unless it fits together."""
        asked = vars(self)
        for name in ("cpu_cores", "memory_gb"):
            if asked[name] is not None and asked[name] <= 0:
                raise WebserviceException(f"{name} is {asked[name]}: it is above 0.")
        vault = ("cmk_vault_base_url", "cmk_key_name", "cmk_key_version")
        for some in (vault, ("vnet_name", "subnet_name")):
            told = [asked[name] for name in some]
            if any(told) and not all(told):
                raise WebserviceException(f"{', '.join(some)} go together: give all, or none.")
        if asked["ssl_enabled"]:
            own = ("ssl_cert_pem_file", "ssl_key_pem_file", "ssl_cname")
            if not all(asked[name] for name in own):
                raise WebserviceException(f"ssl_enabled takes {', '.join(own)}: give all three.")
            _text(asked["ssl_cert_pem_file"])
            _text(asked["ssl_key_pem_file"])

    def body(self, name: str, _compute: str | None, image: Json) -> Json:
        """Return what is sent to deploy it."""
        asked = vars(self)
        made = common(asked, "ACI", name, image) | collecting(asked)
        made |= {
            "containerResourceRequirements": {
                "cpu": asked["cpu_cores"],
                "memoryInGB": asked["memory_gb"],
            },
            "cname": asked["ssl_cname"],
            "dnsNameLabel": asked["dns_name_label"],
        }
        for option, member in (
            ("auth_enabled", "authEnabled"),
            ("enable_app_insights", "appInsightsEnabled"),
            ("ssl_enabled", "sslEnabled"),
        ):
            if asked[option] is not None:
                made[member] = asked[option]
        if asked["ssl_enabled"] is not None:
            sealed = asked["ssl_enabled"]
            made["sslCertificate"] = _text(asked["ssl_cert_pem_file"]) if sealed else None
            made["sslKey"] = _text(asked["ssl_key_pem_file"]) if sealed else None
        return made | _elsewhere(asked)


class AciWebservice(Webservice):
    """A service with a front end of its own."""

    _compute_type = "ACI"

    def _load(self, workspace: "Workspace", body: Json) -> None:
        super()._load(workspace, body)
        self.ssl_enabled: bool = bool(body["sslEnabled"])
        self.ssl_certificate: str | None = body["sslCertificate"]
        self.ssl_key: str | None = body["sslKey"]
        self.cname: str | None = body["cname"]
        self.public_ip: str | None = body["publicIp"]
        self.public_fqdn: str | None = body.get("publicFqdn")
        self.location: str | None = body["location"]
        self.container_resource_requirements = ContainerResourceRequirements.deserialize(
            body["containerResourceRequirements"]
        )

    @staticmethod
    def deploy_configuration(
        cpu_cores: float | None = None,
        memory_gb: float | None = None,
        tags: dict[str, str] | None = None,
        properties: dict[str, str] | None = None,
        description: str | None = None,
        location: str | None = None,
        auth_enabled: bool | None = None,
        ssl_enabled: bool | None = None,
        enable_app_insights: bool | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        ssl_cname: str | None = None,
        dns_name_label: str | None = None,
        primary_key: str | None = None,
        secondary_key: str | None = None,
        collect_model_data: bool | None = None,
        cmk_vault_base_url: str | None = None,
        cmk_key_name: str | None = None,
        cmk_key_version: str | None = None,
        vnet_name: str | None = None,
        subnet_name: str | None = None,
    ) -> AciServiceDeploymentConfiguration:
        """Return what describes a service that is to be deployed.

        Raises:
            WebserviceException: It does not fit together, or a file cannot be read.
        """
        return AciServiceDeploymentConfiguration(**locals())

    def update(
        self,
        image: object = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        auth_enabled: bool | None = None,
        ssl_enabled: bool | None = None,
        ssl_cert_pem_file: str | None = None,
        ssl_key_pem_file: str | None = None,
        ssl_cname: str | None = None,
        enable_app_insights: bool | None = None,
        models: "Sequence[Model] | None" = None,
        inference_config: "InferenceConfig | None" = None,
    ) -> None:
        """Begin to change it; what is not told stays.

        Raises:
            WebserviceException: Nothing is told, it does not fit together, or the node refuses.
        """
        if (ssl_cert_pem_file or ssl_key_pem_file) and not (ssl_enabled or self.ssl_enabled):
            raise WebserviceException(
                "A certificate is for a service with TLS: say ssl_enabled=True too."
            )
        told = {
            **{name: value for name, value in locals().items() if name in _CHANGES},
            "ssl_cert": _text(ssl_cert_pem_file) if ssl_cert_pem_file else None,
            "ssl_key": _text(ssl_key_pem_file) if ssl_key_pem_file else None,
        }
        del image
        items = changes(told, _CHANGES) + added(properties or {})
        self._patch(items + self._image(inference_config, models))


def _elsewhere(asked: Mapping[str, Any]) -> Json:
    """Return what a cloud would need, and a node does not."""
    made: Json = {}
    if asked["cmk_vault_base_url"]:
        made["encryptionProperties"] = {
            "vaultBaseUrl": asked["cmk_vault_base_url"],
            "keyName": asked["cmk_key_name"],
            "keyVersion": asked["cmk_key_version"],
        }
    if asked["vnet_name"]:
        made["vnetConfiguration"] = {
            "vnetName": asked["vnet_name"],
            "subnetName": asked["subnet_name"],
        }
    return made


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise WebserviceException(f"{path} cannot be read: {error}", None, error) from error
