"""The bodies that clients of Azure ML send; members we do not know are ignored.

A client reads a thing, changes a part of it, and sends all of it back: so much of what comes in is
what went out before, and `null` where secrets were left out.
"""

from typing import Any

import msgspec

from hermetic.wire.messages import Message


class PathRequest(Message):
    """One file that is to be sent."""

    path: str


class PathsRequest(Message):
    """The files that are to be sent."""

    paths: list[PathRequest]


class PrefixRequest(Message):
    """Uploaded files, by the beginning of their names."""

    prefix: str


class AssetRequest(Message):
    """What was uploaded for a model."""

    name: str
    artifacts: list[PrefixRequest]


class ModelRequest(Message):
    """A model to register; its `url` is that of an asset."""

    name: str
    url: str
    description: str | None = None
    kv_tags: dict[str, str] | None = None
    properties: dict[str, str] | None = None
    mime_type: str | None = None
    framework: str | None = None
    framework_version: str | None = None
    unpack: bool = False
    experiment_name: str | None = None
    run_id: str | None = None
    resource_requirements: dict[str, Any] | None = None
    sample_input_data: str | None = None
    sample_output_data: str | None = None


class PatchItem(msgspec.Struct, kw_only=True):
    """One change of a JSON patch (RFC 6902)."""

    op: str
    path: str
    value: Any = None


class SslRequest(Message):
    """The TLS that is asked for of a compute."""

    status: str | None = None
    cert: str | None = None
    key: str | None = None
    cname: str | None = None
    leaf_domain_label: str | None = None
    overwrite_existing_domain: bool | None = False
    renew: bool | None = False

    def __repr__(self) -> str:
        return "SslRequest(…)"


class AksRequest(Message):
    """What is asked for of a compute."""

    agent_count: int | None = None
    agent_vm_size: str | None = msgspec.field(default=None, name="agentVmSize")
    cluster_purpose: str | None = None
    load_balancer_type: str | None = None
    load_balancer_subnet: str | None = None
    ssl_configuration: SslRequest | None = None
    aks_networking_configuration: dict[str, Any] | None = None


class ComputePropertiesRequest(Message):
    """What is told of a compute."""

    compute_type: str
    resource_id: str | None = None
    description: str | None = None
    compute_location: str | None = None
    properties: AksRequest | None = None


class ComputeRequest(Message):
    """A compute to create, attach or change; one that was read before has an `id`."""

    properties: ComputePropertiesRequest
    id: str | None = None
    location: str | None = None
    tags: dict[str, str] | None = None


class KeysRequest(Message):
    """The keys a deployment is to have."""

    primary_key: str | None = None
    secondary_key: str | None = None

    def __repr__(self) -> str:
        return "KeysRequest(…)"


class AssetSource(Message):
    """A file of a deployment."""

    url: str
    id: str | None = None
    mime_type: str | None = None
    unpack: bool = False


class EnvironmentRequest(Message):
    """The environment of a deployment, as far as it is read here."""

    environment_variables: dict[str, str] | None = None
    python: dict[str, Any] | None = None


class ImageRequest(Message):
    """What a deployment is made of."""

    assets: list[AssetSource] | None = None
    driver_program: str | None = None
    model_ids: list[str] | None = None
    environment: EnvironmentRequest | None = None


class AutoScalerRequest(Message):
    """How many replicas a deployment may have."""

    autoscale_enabled: bool | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    refresh_period_in_seconds: int | None = None
    target_utilization: int | None = None


class ServiceRequest(Message):
    """A service to deploy, or what one is to become."""

    name: str
    compute_type: str
    description: str | None = None
    kv_tags: dict[str, str] | None = None
    properties: dict[str, str] | None = None
    keys: KeysRequest | None = None
    compute_name: str | None = None
    location: str | None = None
    environment_image_request: ImageRequest | None = None
    container_resource_requirements: dict[str, Any] | None = None
    ssl_enabled: bool | None = None
    ssl_certificate: str | None = None
    ssl_key: str | None = None
    cname: str | None = None
    dns_name_label: str | None = None
    auth_enabled: bool | None = None
    aad_auth_enabled: bool | None = None
    app_insights_enabled: bool | None = None
    data_collection: dict[str, Any] | None = None
    num_replicas: int | None = None
    max_concurrent_requests_per_container: int | None = None
    max_queue_wait_ms: int | None = None
    scoring_timeout_ms: int | None = None
    namespace: str | None = None
    auto_scaler: AutoScalerRequest | None = None
    liveness_probe_requirements: dict[str, Any] | None = None
    overwrite: bool | None = False

    def __repr__(self) -> str:
        return "ServiceRequest(…)"


class ValidateRequest(Message):
    """A service to be looked at, and not deployed."""

    type: str = "Create"
    service_name: str | None = None
    create_request: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return "ValidateRequest(…)"


class RegenerateRequest(Message):
    """Which key is to be replaced, and by which, if it is told."""

    key_type: str
    key_value: str | None = None

    def __repr__(self) -> str:
        return "RegenerateRequest(…)"
