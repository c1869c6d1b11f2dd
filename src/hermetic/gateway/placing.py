"""Where deployments run, and how they are called: with what their callers must show.

Who may is decided before a body is read, and so before a worker hears of the call.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from hermetic.access.deployment_tokens import DeploymentKeys, holds
from hermetic.client.execution import Answer, Execution
from hermetic.clock import Clock
from hermetic.errors import (
    BadInput,
    Busy,
    HermeticError,
    NotFound,
    ServiceUnloadable,
    Unauthenticated,
    WorkerDied,
)
from hermetic.gateway.admission import Admission
from hermetic.gateway.agents import Agents
from hermetic.gateway.journal import Journal
from hermetic.log import logger
from hermetic.registry.bundles import Bundles
from hermetic.serving.deployment import Deployment
from hermetic.serving.exchange import HttpRequest, HttpResponse
from hermetic.serving.frontend import TlsState
from hermetic.serving.schema import Schema
from hermetic.serving.service import Entry, EntryKind, RuntimeKind, Service, ServiceKey

log = logger(__name__)


class Figures(Protocol):
    """Counts what happens to the calls of one deployment."""

    def observe(self, outcome: str, total_s: float, queued_s: float, executed_s: float) -> None:
        """Count a call that was executed."""

    def refuse(self, outcome: str) -> None:
        """Count a call that was refused before."""


_LOADED = ("bundle", "script", "variables", "requirements")
_MISSING = "Send a key or token of this service as `Authorization: Bearer …`."
_WRONG = "That is no key or token of this service, or no longer: ask whoever deployed it."


@dataclass(frozen=True)
class _Placed:
    deployment: Deployment
    keys: DeploymentKeys = field(repr=False)
    admission: Admission


class Placing:
    """The deployments that can be called on this node at this moment."""

    def __init__(
        self,
        *,
        bundles: Bundles,
        execution: Execution,
        journal: Journal,
        key: RSAPublicKey,
        clock: Clock,
        agents: Agents | None = None,
        unpacks: bool = True,
    ) -> None:
        """Place none yet; *key* proves tokens, and bundles are unpacked here if it *unpacks*.

        *agents* bound what runs on each compute; without them nothing but the sizes does.
        """
        self._bundles, self._execution, self._journal = bundles, execution, journal
        self._key, self._clock, self._unpacks = key, clock, unpacks
        self._agents = agents or Agents()
        self._placed: dict[str, _Placed] = {}
        self._figures: Callable[[ServiceKey], Figures] | None = None

    def count_in(self, figures: Callable[[ServiceKey], Figures]) -> None:
        """Count calls from now on where *figures* says."""
        self._figures = figures

    async def check(self, deployment: Deployment) -> None:
        """Load *deployment* once in a worker of its own; raises what is wrong with it."""
        service = _service(deployment)
        try:
            loaded = await self._execution.check(service, await self._folder(deployment))
        except NotFound as error:
            raise BadInput(error.text) from error
        except ServiceUnloadable as error:
            self._journal.note(deployment.name, error.traceback)
            raise
        self._journal.note(deployment.name, loaded.console_output)

    async def place(self, deployment: Deployment, keys: DeploymentKeys) -> None:
        """Let calls reach *deployment* with *keys*; what cannot be placed is logged."""
        name, before = deployment.name, self._placed.get(deployment.name)
        if before is None or _loads_otherwise(before.deployment, deployment):
            try:
                folder = await self._folder(deployment)
            except (HermeticError, OSError) as error:
                log.exception("deployment.not_placed", deployment=name, cause=str(error))
                return
            self._execution.place(_service(deployment), folder)
        admission = before.admission if before else Admission(deployment.sizing)
        if admission.sizing != deployment.sizing:
            admission = Admission(deployment.sizing)
        self._placed[name] = _Placed(deployment, keys, admission)

    def withdraw(self, name: str) -> None:
        """Let no further call reach the deployment *name*."""
        if self._placed.pop(name, None) is not None:
            self._execution.withdraw(ServiceKey.deployed(name))
        self._journal.forget(name)

    def find(self, name: str) -> Deployment | None:
        """Return what is called by *name*; `None` if nothing is."""
        placed = self._placed.get(name)
        return placed.deployment if placed else None

    def at(self, host: str, *, sealed: bool) -> Deployment | None:
        """Return the deployment whose own front end is *host*, with TLS or without; else `None`."""
        # A few at most have one of their own: a table would have to be kept true.
        for placed in self._placed.values():
            one = placed.deployment
            if not one.compute and host and host == (one.tls.host if sealed else one.host):
                is_meant = sealed is (one.tls.state is not TlsState.DISABLED)
                return one if is_meant else None
        return None

    def admit(self, deployment: Deployment, authorization: str) -> None:
        """Refuse a caller who does not show what *deployment* asks for.

        Raises:
            Unauthenticated: The header is missing, or what it holds is wrong.
        """
        if not (deployment.key_auth or deployment.token_auth):
            return
        is_shown = authorization[:7].lower() == "bearer "
        if not is_shown or not self._is_good(deployment, authorization[7:].strip()):
            if self._figures is not None:
                self._figures(_counted(deployment.name)).refuse(Unauthenticated.type)
            raise Unauthenticated(_WRONG if is_shown else _MISSING)

    def refused(self, url: bytes, bearer: bytes) -> tuple[ServiceKey, HermeticError] | None:
        """Return how a caller is refused who may not call what *url* means; `None` if they may.

        *url* begins with `/api/v1/service/`; what means nothing here is for somebody else.
        """
        name = url.split(b"/", 5)[4].decode("latin-1")
        placed = self._placed.get(name)
        if placed is None or not (placed.deployment.key_auth or placed.deployment.token_auth):
            return None
        is_shown = bearer[:7].lower() == b"bearer "
        shown = bearer[7:].strip().decode("latin-1")
        if is_shown and self._is_good(placed.deployment, shown):
            return None
        return _counted(name), Unauthenticated(_WRONG if is_shown else _MISSING)

    def _is_good(self, deployment: Deployment, shown: str) -> bool:
        if deployment.token_auth:
            return holds(shown, deployment.name, self._key, at=self._clock())
        return self._placed[deployment.name].keys.include(shown)

    async def call(self, name: str, request: HttpRequest, request_id: str) -> HttpResponse:
        """Return what the script of *name* answers.

        Raises:
            Busy: Too many calls are under way.
            DeadlineExceeded: It took too long.
            WorkerDied: It broke its worker.
        """
        placed = self._placed.get(name)
        if placed is None:
            raise NotFound(f"There is no service {name[:100]!r}.")
        began, outcome, executed_s = perf_counter(), Busy.type, 0.0
        try:
            agents = self._agents.of(placed.deployment.compute)
            async with placed.admission.place(agents):
                answer = await self._submitted(placed.deployment, request, request_id)
            executed_s = answer.executed_s
            if answer.error is not None:
                outcome = answer.error.type
                self._note_death(name, answer.error)
                raise answer.error
            response = HttpResponse.unpacked(answer.body)
            outcome = "raised" if response.failed else "answered"
        finally:
            total_s = perf_counter() - began
            self._count(name, outcome, total_s, executed_s)
        self._journal.note(name, response.console)
        return response

    def _note_death(self, name: str, error: HermeticError) -> None:
        if isinstance(error, WorkerDied):
            self._journal.note(name, error.text)

    def _count(self, name: str, outcome: str, total_s: float, executed_s: float) -> None:
        if self._figures is not None:
            waited_s = max(0.0, total_s - executed_s)
            self._figures(_counted(name)).observe(outcome, total_s, waited_s, executed_s)

    def shortage(self, deployment: Deployment) -> str | None:
        """Return what its owner is to know if its compute runs fewer calls than it may take."""
        agents, at_once = self._agents.of(deployment.compute), deployment.sizing.at_once
        if agents is None or agents.most >= at_once:
            return None
        return (
            f"Note: its replicas may take {at_once} calls at once, and the compute"
            f" {deployment.compute!r} runs {agents.most} for all that is deployed on it"
            " (agent_count): further ones wait."
        )

    def note(self, name: str, text: str) -> None:
        """Write *text* into the log of the deployment *name*."""
        self._journal.note(name, text)

    async def _submitted(
        self, deployment: Deployment, request: HttpRequest, request_id: str
    ) -> Answer:
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        hand_over: Callable[[Answer], None] = lambda answer: (  # noqa: E731
            None if done.done() else done.set_result(answer)
        )
        ticket = self._execution.submit(
            ServiceKey.deployed(deployment.name),
            request.packed(),
            hand_over,
            request_id.encode(),
            deployment.sizing.timeout_s,
        )
        try:
            return await done
        except asyncio.CancelledError:
            self._execution.abandon(ticket)
            raise

    async def _folder(self, deployment: Deployment) -> Path | None:
        if not self._unpacks:
            await self._bundles.touch(deployment.bundle)
            return None
        return await self._bundles.folder(deployment.bundle)


def _counted(name: str) -> ServiceKey:
    """Return the key that figures of the deployment *name* are labelled with."""
    return ServiceKey(name, "deployed")


def _service(deployment: Deployment) -> Service:
    return Service(
        ServiceKey.deployed(deployment.name),
        deployment.owner,
        deployment.created_at,
        RuntimeKind.PYTHON,
        Entry(
            EntryKind.REQUEST,
            target=deployment.script,
            variables=deployment.variables,
            requirements=deployment.requirements,
        ),
        Schema(),
        bundle=deployment.bundle,
    )


def _loads_otherwise(old: Deployment, new: Deployment) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in _LOADED)
