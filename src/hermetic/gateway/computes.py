"""Computes: a front end with what runs the code behind it, by Azure ML's name for AKS clusters.

A compute that is created takes its workers from this installation; one that is attached is what
was there before, and is never deleted with its association.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hermetic.access.policy import may_change, may_publish
from hermetic.access.principals import Principal
from hermetic.certificates.credential import Credential
from hermetic.clock import Clock
from hermetic.errors import BadInput, Conflict, HermeticError, NotFound, NotPermitted
from hermetic.gateway.agents import Agents
from hermetic.gateway.frontends import Change, FrontEnd, FrontEnds
from hermetic.gateway.operations import Operation, Operations, Tell, code_of
from hermetic.log import logger
from hermetic.registry.documents import Document, Documents
from hermetic.registry.front_ends import credential_of, secrets_of, tls_from_json, tls_to_json
from hermetic.registry.moments import from_text, to_text
from hermetic.serving.frontend import UNSEALED, Asked, FrontEndTls, TlsState

_KIND = "compute"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]\Z")
INTERNAL = "InternalLoadBalancer"
FOR_DEVELOPMENT = "DevTest"
_BALANCERS = ("PublicIp", INTERNAL)
_NOT_DONE = ("NodeStopped", "The node stopped before the compute was there: create it again.")
"""What is said of a compute until it is there, so that it is true whenever the node stops."""

log = logger(__name__)


@dataclass(frozen=True)
class Compute:
    """A compute, and how its front end is sealed.

    Args:
        agent_count: How many calls it runs at once, unless it was attached.
        resource_id: What it was attached from; `None` for one that was created.
        networking: The network settings it was created with, as they came.
        failure: Why it could not be created, a code and a sentence; `None` if it was.
    """

    name: str
    owner: str
    created_at: datetime
    changed_at: datetime
    location: str
    agent_count: int = 3
    vm_size: str = "Standard_D3_v2"
    purpose: str = "FastProd"
    balancer: str = "PublicIp"
    balancer_subnet: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    resource_id: str | None = None
    networking: Mapping[str, Any] | None = None
    tls: FrontEndTls = UNSEALED
    credential: Credential | None = field(default=None, repr=False)
    failure: tuple[str, str] | None = None

    @property
    def front_end(self) -> FrontEnd:
        """Its front end."""
        return FrontEnd(
            f"{_KIND}/{self.name}",
            self.tls,
            self.credential,
            internal=self.balancer == INTERNAL,
            for_development=self.purpose == FOR_DEVELOPMENT,
        )


class Computes:
    """The computes of this installation."""

    def __init__(
        self,
        *,
        documents: Documents,
        operations: Operations,
        front_ends: FrontEnds,
        clock: Clock,
        plain_http: bool,
    ) -> None:
        """Know none yet; *plain_http* is whether there is a listener for those without TLS."""
        self._documents, self._operations = documents, operations
        self._front_ends, self._clock, self._plain_http = front_ends, clock, plain_http
        self._known: dict[str, tuple[Compute, int]] = {}
        self.users: Callable[[str], Sequence[str]] = lambda _name: ()
        """Gives the names of what is deployed on a compute."""
        self.agents = Agents()
        """How many calls each of them runs at once."""

    async def start(self) -> None:
        """Read what is kept, and answer to it."""
        for document in await self._documents.all(_KIND):
            compute = await asyncio.to_thread(_compute, document)
            self._know(compute, document.revision)
            await self._front_ends.hold(compute.front_end, self._renewed)

    def all(self) -> list[Compute]:
        """Return all computes, by name."""
        return [self._known[name][0] for name in sorted(self._known)]

    def find(self, name: str) -> Compute:
        """Return one compute, or raise `NotFound`."""
        if name not in self._known:
            raise NotFound(f"There is no compute {name[:100]!r}.")
        return self._known[name][0]

    def usable(self, name: str) -> Compute:
        """Return one compute that something may be deployed on.

        Raises:
            NotFound: There is none.
            Conflict: It is still being created, or could not be.
        """
        compute = self.find(name)
        if compute.failure is not None:
            state = "is still being created" if self.is_changing(name) else "could not be created"
            why = "" if self.is_changing(name) else f" ({compute.failure[1]})"
            raise Conflict(f"The compute {name!r} {state}{why}: see to that first.")
        return compute

    def is_changing(self, name: str) -> bool:
        """Whether an operation on the compute *name* runs."""
        return self._operations.is_busy(f"{_KIND}/{name}")

    async def create(self, principal: Principal, wish: Compute, asked: Asked) -> Operation:
        """Create, or attach, what *wish* describes, with the TLS that is *asked* for.

        What could not be created is still there, with the reason, and may be created again.

        Raises:
            BadInput: The name or something else cannot be used.
            Conflict: There is a compute of that name.
            NotPermitted: The principal may only read.
            CertificateRejected: The certificate that was given cannot be presented.
        """
        _refuse_reader(principal)
        _check(wish)
        resource = f"{_KIND}/{wish.name}"
        self._operations.refuse_busy(resource)
        before, revision = self._known.get(wish.name, (None, 0))
        if before is not None:
            _refuse_taken(principal, before)
        tls = before.tls if before else UNSEALED
        wish = replace(wish, owner=principal.name, tls=tls)
        change = await self._planned(wish, asked)
        # Of what it is to be, the label alone: by it the same name is tried again.
        label = replace(change.after.tls, state=TlsState.DISABLED, host="")
        begun = replace(wish, tls=label, failure=_NOT_DONE)
        # It answers to nothing yet; and nobody may come between this and its operation.
        revision = await self._store(begun, revision)

        async def work(tell: Tell) -> None:
            try:
                await self._finish(wish, change, revision, tell)
                log.info("compute.created", compute=wish.name, tls=change.after.tls.state)
            except HermeticError as error:
                await self._keep(replace(begun, failure=(code_of(error), error.text)), revision)
                raise

        return await self._operations.begin("Create", resource, work)

    async def update(
        self, principal: Principal, name: str, wish: Compute, asked: Asked
    ) -> Operation:
        """Change the compute *name* to *wish*, with the TLS that is *asked* for; raises as `create`.

        Raises:
            NotFound: There is no such compute.
        """
        now = self.find(name)
        _refuse_stranger(principal, now)
        _check(wish)
        self._operations.refuse_busy(f"{_KIND}/{name}")
        revision = self._known[name][1]
        failure = now.failure if asked.state is None else None
        wish = replace(wish, changed_at=self._clock(), failure=failure)
        change = await self._planned(wish, asked)

        async def work(tell: Tell) -> None:
            await self._finish(wish, change, revision, tell)
            log.info("compute.changed", compute=name, tls=change.after.tls.state)

        return await self._operations.begin("Update", f"{_KIND}/{name}", work)

    async def remove(self, principal: Principal, name: str, *, detach: bool) -> Operation:
        """Delete a compute that was created, or *detach* one that was attached.

        Raises:
            NotFound: There is no such compute.
            BadInput: It was attached, and is to be deleted.
        """
        now = self.find(name)
        _refuse_stranger(principal, now)
        if now.resource_id is not None and not detach:
            raise BadInput(
                f"The compute {name!r} was attached, so it is not ours to delete: detach it."
            )
        if users := self.users(name):
            raise Conflict(
                f"{users[0]!r} is deployed on the compute {name!r}: delete that service first."
            )

        async def work(tell: object) -> None:
            await self._documents.remove(_KIND, name)
            self._known.pop(name, None)
            self.agents.forget(name)
            await self._front_ends.drop(now.front_end.name)
            log.info("compute.removed", compute=name)

        return await self._operations.begin("Delete", f"{_KIND}/{name}", work)

    async def _planned(self, wish: Compute, asked: Asked) -> Change:
        change = await self._front_ends.planned(wish.front_end, asked)
        if change.after.tls.state is TlsState.DISABLED and not self._plain_http:
            raise BadInput(
                "Without TLS anybody on the way could read what is sent, and this installation"
                " answers no plain HTTP: enable_ssl(leaf_domain_label=…) seals it with nothing"
                " more to do, or its administrator sets AzureML.PlainHttp."
            )
        return change

    async def _finish(self, wish: Compute, change: Change, revision: int, tell: Tell) -> None:
        """Keep *wish* with the TLS that *change* leads to, which may take minutes to be had."""
        if change.issue:
            tell(f"Having a certificate issued for {change.after.tls.host}.")
        front_end = await self._front_ends.done(change)
        made = replace(wish, tls=front_end.tls, credential=front_end.credential)
        await self._keep(made, revision)

    async def _keep(self, compute: Compute, revision: int) -> None:
        await self._store(compute, revision)
        await self._front_ends.hold(compute.front_end, self._renewed)

    async def _store(self, compute: Compute, revision: int) -> int:
        document = _document(compute, revision)
        if revision:
            kept = await self._documents.replace(document)
        else:
            kept = await self._documents.add(document)
        self._know(compute, kept.revision)
        return kept.revision

    def _know(self, compute: Compute, revision: int) -> None:
        self._known[compute.name] = compute, revision
        # What was attached is a pool that was there before, with bounds of its own.
        is_created = compute.resource_id is None
        self.agents.allow(compute.name, compute.agent_count if is_created else None)

    async def _renewed(self, name: str, credential: Credential) -> None:
        compute = self.find(name.partition("/")[2])  # it may be gone since this began
        revision = self._known[compute.name][1]
        await self._keep(replace(compute, credential=credential), revision)


def _check(wish: Compute) -> None:
    if not _NAME.match(wish.name):
        raise BadInput(
            f"{wish.name[:100]!r} cannot be a compute's name: use 3 to 24 letters, digits and"
            " dashes, beginning with a letter and not ending with a dash."
        )
    if wish.balancer not in _BALANCERS:
        raise BadInput(
            f"{wish.balancer[:80]!r} is no type of load balancer: use PublicIp or {INTERNAL}."
        )
    if wish.agent_count < 1:
        raise BadInput(f"A compute has at least one agent, not {wish.agent_count}.")


def _refuse_reader(principal: Principal) -> None:
    if not may_publish(principal):
        raise NotPermitted(f"{principal.name!r} is a {principal.role} and may not change computes.")


def _refuse_taken(principal: Principal, compute: Compute) -> None:
    if compute.failure is None:
        raise Conflict(
            f"There is a compute {compute.name!r} already: choose another name, or update it."
        )
    _refuse_stranger(principal, compute)


def _refuse_stranger(principal: Principal, compute: Compute) -> None:
    if not may_change(principal, compute.owner):
        raise NotPermitted(
            f"The compute {compute.name!r} was made by {compute.owner!r}: only they or an Owner"
            " change it."
        )


def _document(compute: Compute, revision: int) -> Document:
    body = {
        "owner": compute.owner,
        "created_at": to_text(compute.created_at),
        "changed_at": to_text(compute.changed_at),
        "location": compute.location,
        "agent_count": compute.agent_count,
        "vm_size": compute.vm_size,
        "purpose": compute.purpose,
        "balancer": compute.balancer,
        "balancer_subnet": compute.balancer_subnet,
        "description": compute.description,
        "tags": dict(compute.tags),
        "resource_id": compute.resource_id,
        "networking": compute.networking,
        "tls": tls_to_json(compute.tls),
        "failure": None if compute.failure is None else list(compute.failure),
    }
    return Document(_KIND, compute.name, body, secrets_of(compute.credential), revision)


def _compute(document: Document) -> Compute:
    body = dict(document.body)
    body["created_at"] = from_text(body["created_at"])
    body["changed_at"] = from_text(body["changed_at"])
    body["tls"] = tls_from_json(body["tls"])
    failure = body.pop("failure", None)  # of one that an earlier version kept nothing is said
    return Compute(
        name=document.name,
        credential=credential_of(document),
        failure=None if failure is None else (failure[0], failure[1]),
        **body,
    )
