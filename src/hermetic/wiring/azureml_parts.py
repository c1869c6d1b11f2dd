"""What the face of Azure ML can do, put together: files, models, computes and what is deployed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.client.execution import Execution
from hermetic.clock import Clock
from hermetic.compat.azureml.use_cases import UseCases
from hermetic.errors import BadInput, NotFound
from hermetic.gateway.access import Access
from hermetic.gateway.computes import Computes
from hermetic.gateway.deployments import Deployments, is_sealed
from hermetic.gateway.frontends import FrontEnds
from hermetic.gateway.journal import Journal
from hermetic.gateway.operations import Operations
from hermetic.gateway.placing import Placing
from hermetic.serving.deployment import Deployment
from hermetic.serving.frontend import TlsState
from hermetic.wiring.azureml_content import content_of, documents_of
from hermetic.wiring.keeping import Kept

_OPEN = (
    "Without TLS anybody on the way could read what is sent, and this installation answers no plain"
    " HTTP: enable TLS, or its administrator sets AzureML.PlainHttp."
)


@dataclass(frozen=True)
class Ground:
    """What they stand on; `work` is a folder for what is under way."""

    work: Path
    kept: Kept
    execution: Execution
    front_ends: FrontEnds
    clock: Clock
    upload_bytes: int
    plain_http: bool
    unpacks: bool = True


def use_cases(
    ground: Ground, access: Access, authority: Callable[[], bytes], key: RSAPrivateKey
) -> UseCases:
    """Return the use cases, which sign the tokens of callers with *key*; nothing is read yet."""
    kept, clock = ground.kept, ground.clock
    documents = documents_of(kept, key)
    content = content_of(kept, documents, ground.work, ground.upload_bytes, clock)
    operations, journal = Operations(documents, clock), Journal(clock)
    computes = Computes(
        documents=documents,
        operations=operations,
        front_ends=ground.front_ends,
        clock=clock,
        plain_http=ground.plain_http,
    )
    placing = Placing(
        bundles=kept.bundles,
        execution=ground.execution,
        journal=journal,
        key=key.public_key(),
        clock=clock,
        unpacks=ground.unpacks,
        agents=computes.agents,
    )
    deployments = Deployments(
        registry=content.deployments,
        operations=operations,
        front_ends=ground.front_ends,
        assembly=content.assembly,
        placing=placing,
        key=key,
        clock=clock,
    )
    made = UseCases(
        access,
        authority,
        content.uploads,
        content.models,
        operations,
        computes,
        deployments,
        placing,
        journal,
    )
    computes.users = deployments.on_compute
    deployments.sealed = lambda one: _sealed(one, made, plain_http=ground.plain_http)
    return made


def _sealed(one: Deployment, made: UseCases, *, plain_http: bool) -> bool:
    """Return whether *one* is called through TLS, or raise `BadInput` if it could not be called.

    And `Conflict` as long as its compute cannot be used.
    """
    state = TlsState.DISABLED
    if one.compute:
        try:
            state = made.computes.usable(one.compute).tls.state
        except NotFound as error:
            raise BadInput(f"{error.text} Create it first, or name another.") from error
    sealed = is_sealed(one, state)
    if not sealed and not plain_http:
        raise BadInput(_OPEN)
    return sealed
