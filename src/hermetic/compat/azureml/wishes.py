"""From what a client of Azure ML asks for to what is deployed.  Pure.

What it told is kept as it came, without its secrets: a change is told against it, and it is what
the client reads again.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from hermetic.compat.azureml.messages import (
    EnvironmentRequest,
    ImageRequest,
    KeysRequest,
    ServiceRequest,
)
from hermetic.compat.azureml.workspace import Workspace
from hermetic.errors import BadInput
from hermetic.gateway.assembling import Source, Sources
from hermetic.gateway.deployments import Wish
from hermetic.serving.deployment import Deployment, DeploymentKind, Sizing
from hermetic.serving.frontend import Asked, TlsState
from hermetic.serving.requirements import parse

OPT_OUT = "azureml.sslEnabled"
"""The tag by which a client without a word for it says that a deployment goes without TLS."""

_CONDA_NAME = re.compile(r"[^A-Za-z0-9_.-]")  # what ends it
_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_ARTIFACT = "aml://artifact/"
_MOST_REPLICAS = 10
_SECRETS = ("keys", "sslCertificate", "sslKey")


def deployment_of(
    body: ServiceRequest, workspace: Workspace, *, at: datetime, before: Deployment | None = None
) -> Deployment:
    """Return the deployment that *body* describes, or what it makes of the one *before*.

    Raises:
        BadInput: Something of it makes no sense.
    """
    try:
        kind = DeploymentKind(body.compute_type.upper())
    except ValueError:
        raise BadInput(
            f"A service of type {body.compute_type[:40]!r} cannot be deployed here: use"
            f" {' or '.join(DeploymentKind)}."
        ) from None
    if kind is DeploymentKind.AKS and not body.compute_name:
        raise BadInput("A service of type AKS is deployed on a compute: name it as computeName.")
    key_auth, token_auth = _authentication(body, kind)
    is_own = kind is DeploymentKind.ACI
    now = before or Deployment(body.name, kind, "", at, at)
    tags = body.kv_tags or {}
    return replace(
        now,
        changed_at=at,
        compute="" if is_own else body.compute_name or "",
        description=body.description,
        tags=tags,
        properties=body.properties or {},
        told=_told(body),
        sizing=_sizing(body, kind),
        key_auth=key_auth,
        token_auth=token_auth,
        host=_host(body, workspace) if is_own else "",
        follows_compute=body.ssl_enabled is not False and tags.get(OPT_OUT, "").lower() != "false",
    )


def wish_of(body: ServiceRequest, deployment: Deployment, workspace: Workspace) -> Wish:
    """Return *deployment* with the sources, the TLS and the keys that *body* asks for."""
    keys = body.keys or KeysRequest()
    image = body.environment_image_request
    return Wish(
        deployment,
        None if image is None else _sources(image, body, workspace),
        _asked(body, deployment.kind),
        (keys.primary_key, keys.secondary_key),
    )


def _host(body: ServiceRequest, workspace: Workspace) -> str:
    """Return the name of a front end without TLS."""
    label = (body.dns_name_label or body.name).lower()
    if not _LABEL.match(label):
        raise BadInput(
            f"{label[:80]!r} cannot be a DNS label: use letters, digits and dashes, beginning with"
            " a letter and not ending with a dash."
        )
    return f"{label}.{workspace.region}.{workspace.domain}"


def _told(body: ServiceRequest) -> Mapping[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(body)
    for secret in _SECRETS:
        told.pop(secret)
    return told


def _authentication(body: ServiceRequest, kind: DeploymentKind) -> tuple[bool, bool]:
    tokens = bool(body.aad_auth_enabled)
    if tokens and kind is DeploymentKind.ACI:
        raise BadInput(
            "A service of type ACI takes no tokens: use keys, or deploy it on a compute."
        )
    if tokens and body.auth_enabled:
        raise BadInput("A service takes keys or tokens, not both: disable one of them.")
    keys = kind is DeploymentKind.AKS and not tokens
    return (keys if body.auth_enabled is None else body.auth_enabled), tokens


def _sizing(body: ServiceRequest, kind: DeploymentKind) -> Sizing:
    timeout_s = (body.scoring_timeout_ms or 60_000) / 1000
    if kind is DeploymentKind.ACI:
        # One container, in which calls wait for each other.
        return Sizing(queue_s=timeout_s, timeout_s=timeout_s)
    scaler = body.auto_scaler
    replicas = body.num_replicas
    if replicas is None:
        scales = scaler is None or scaler.autoscale_enabled is not False
        told = scaler.max_replicas if scaler is not None else None
        replicas = (told or _MOST_REPLICAS) if scales else 1
    return Sizing(
        replicas,
        body.max_concurrent_requests_per_container or 1,
        (500 if body.max_queue_wait_ms is None else body.max_queue_wait_ms) / 1000,
        timeout_s,
    )


def _asked(body: ServiceRequest, kind: DeploymentKind) -> Asked:
    if kind is DeploymentKind.AKS:
        if body.ssl_enabled and body.ssl_certificate:
            raise BadInput(
                "A service on a compute has the certificate of the compute: give yours to that."
            )
        return Asked()
    if not body.ssl_enabled:
        return Asked(TlsState.DISABLED)
    return Asked(
        TlsState.ENABLED,
        host=body.cname or "",
        certificate=body.ssl_certificate,
        key=body.ssl_key,
    )


def _sources(image: ImageRequest, body: ServiceRequest, workspace: Workspace) -> Sources:
    found = []
    for asset in image.assets or ():
        if asset.id is not None and asset.id == image.driver_program:
            continue  # the client's wrapper around the script, which is called directly here
        if not asset.url.startswith(_ARTIFACT):
            raise BadInput(f"{asset.url[:200]!r} is no uploaded file.")
        found.append(Source(asset.url.removeprefix(_ARTIFACT), asset.unpack))
    environment = image.environment
    variables = dict(environment.environment_variables or {}) if environment else {}
    prefix = f"api/v1/service/{body.name}" if body.compute_type.upper() == "AKS" else ""
    own = {
        "SERVICE_NAME": body.name,
        "WORKSPACE_NAME": workspace.name,
        "SERVICE_PATH_PREFIX": prefix,
        "SCORING_TIMEOUT_MS": str(body.scoring_timeout_ms or 60_000),
    }
    listed = _listed(environment)
    return Sources(
        tuple(found),
        tuple(image.model_ids or ()),
        {**variables, **own},
        parse(_pip(listed)),
        tuple(_of_conda(listed)),
    )


def _listed(environment: EnvironmentRequest | None) -> list[object]:
    """Return the dependencies of the specification of a conda environment."""
    conda = (environment.python or {}).get("condaDependencies") if environment else None
    listed = conda.get("dependencies") if isinstance(conda, Mapping) else None
    if not isinstance(listed, list | None):
        raise BadInput(
            "The dependencies of a conda environment are a list: mend condaDependencies."
        )
    return listed or []


def _pip(listed: list[object]) -> Iterator[str]:
    """Yield what pip is to install."""
    for one in listed:
        lines = one.get("pip") if isinstance(one, Mapping) else None
        if not isinstance(lines, list | None) or not all(isinstance(i, str) for i in lines or ()):
            raise BadInput("What pip is to install is a list of texts: mend condaDependencies.")
        yield from lines or ()


def _of_conda(listed: list[object]) -> Iterator[str]:
    """Yield the packages of conda, but for those a node brings along."""
    for one in listed:
        if isinstance(one, str) and _CONDA_NAME.split(one.strip(), 1)[0] not in {"python", "pip"}:
            yield one[:100]
