"""Deployments, in the database: each a document, its keys and its certificate sealed beside."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hermetic.access.deployment_tokens import DeploymentKeys
from hermetic.certificates.credential import Credential
from hermetic.registry.artifacts import Artifacts
from hermetic.registry.documents import Document, Documents
from hermetic.registry.front_ends import credential_of, secrets_of, tls_from_json, tls_to_json
from hermetic.registry.moments import from_text, to_text
from hermetic.serving.deployment import Deployment, DeploymentKind, DeploymentState, Sizing

_KIND = "service"
_PRIMARY, _SECONDARY = "primary", "secondary"


@dataclass(frozen=True)
class Kept:
    """A deployment as it is kept, with its keys and its certificate; revision 0 is a new one."""

    deployment: Deployment
    keys: DeploymentKeys
    credential: Credential | None = field(repr=False)
    revision: int


class Deployments:
    """The deployments of this installation."""

    def __init__(self, documents: Documents, artifacts: Artifacts) -> None:
        self._documents, self._artifacts = documents, artifacts

    async def all(self) -> list[Kept]:
        """Return all deployments, by name."""
        return [_kept(one) for one in await self._documents.all(_KIND)]

    async def keep(self, kept: Kept) -> Kept:
        """Keep a new deployment, or one in place of the revision it names; return it as kept.

        Raises:
            Conflict: There is one already, or somebody changed it meanwhile.
        """
        document = _document(kept)
        # Before it is referred to: a bundle is swept that nobody speaks of.
        await self._artifacts.deploy(kept.deployment.name, kept.deployment.bundle or None)
        if kept.revision:
            done = await self._documents.replace(document)
        else:
            done = await self._documents.add(document)
        return replace(kept, revision=done.revision)

    async def remove(self, name: str) -> None:
        """Forget a deployment, or raise `NotFound`."""
        await self._documents.remove(_KIND, name)
        await self._artifacts.deploy(name, None)


def _document(kept: Kept) -> Document:
    one = kept.deployment
    sizing = one.sizing
    body: dict[str, Any] = {
        "kind": one.kind.value,
        "owner": one.owner,
        "created_at": to_text(one.created_at),
        "changed_at": to_text(one.changed_at),
        "compute": one.compute,
        "description": one.description,
        "tags": dict(one.tags),
        "properties": dict(one.properties),
        "told": dict(one.told),
        "sizing": [sizing.replicas, sizing.concurrency, sizing.queue_s, sizing.timeout_s],
        "key_auth": one.key_auth,
        "token_auth": one.token_auth,
        "host": one.host,
        "follows_compute": one.follows_compute,
        "tls": tls_to_json(one.tls),
        "state": one.state.value,
        "bundle": one.bundle,
        "script": one.script,
        "variables": [list(pair) for pair in one.variables],
        "requirements": list(one.requirements),
        "uploads": list(one.uploads),
        "error": one.error,
    }
    keys: Mapping[str, bytes] = {
        _PRIMARY: kept.keys.primary.encode(),
        _SECONDARY: kept.keys.secondary.encode(),
    }
    secrets = {**secrets_of(kept.credential), **keys}
    return Document(_KIND, one.name, body, secrets, kept.revision)


def _kept(document: Document) -> Kept:
    body = dict(document.body)
    error = body["error"]
    body |= {
        "kind": DeploymentKind(body["kind"]),
        "created_at": from_text(body["created_at"]),
        "changed_at": from_text(body["changed_at"]),
        "sizing": Sizing(*body["sizing"]),
        "tls": tls_from_json(body["tls"]),
        "state": DeploymentState(body["state"]),
        "variables": tuple((name, value) for name, value in body["variables"]),
        "requirements": tuple(body["requirements"]),
        # What was kept by an earlier version does not say.
        "uploads": tuple(body.get("uploads", ())),
        "error": None if error is None else (error[0], error[1]),
    }
    keys = DeploymentKeys(
        document.secrets[_PRIMARY].decode(), document.secrets[_SECONDARY].decode()
    )
    deployment = Deployment(name=document.name, **body)
    return Kept(deployment, keys, credential_of(document), document.revision)
