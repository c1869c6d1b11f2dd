"""The face of Azure ML, put in front of the application: what is its, and what is not.

The host name picks the storage and the services with a front end of their own, the path all else.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from hermetic.access.principals import Principal
from hermetic.compat.azureml.cloud import OPEN
from hermetic.compat.azureml.environment import PATH as ENVIRONMENT
from hermetic.compat.azureml.environment import WORKSPACE
from hermetic.compat.azureml.replies import control_reply, scoring_reply
from hermetic.compat.azureml.scoring import PREFIX, is_own_path, name_of
from hermetic.compat.azureml.table import Address, Table
from hermetic.compat.azureml.workspace import Workspace, is_of_a_workspace
from hermetic.errors import NotFound
from hermetic.fronts.proxies import Proxies
from hermetic.gateway.placing import Placing
from hermetic.http.forwarded import settle
from hermetic.http.gate import Gate

_CONTROL = {"/subscriptions", ENVIRONMENT, WORKSPACE, *OPEN}


@dataclass(frozen=True)
class Doors:
    """Who is let in, and what every answer says."""

    authenticate: Callable[[bytes], Principal]
    settle: Callable[[], Awaitable[None]]
    proxies: Proxies
    hsts: bytes | None


class AzureMl:
    """Answers what is Azure ML's, and hands on everything else."""

    def __init__(
        self,
        otherwise: ASGIApp,
        *,
        workspace: Workspace,
        placing: Placing,
        control: Sequence[Address],
        storage: Sequence[Address],
        scoring: Sequence[Address],
        doors: Doors,
    ) -> None:
        self._otherwise, self._workspace, self._placing = otherwise, workspace, placing
        self._proxies = doors.proxies
        self._control = Gate(
            Table(control),
            lambda _method, path: path in OPEN,
            doors.authenticate,
            doors.hsts,
            settle=doors.settle,
            proxies=doors.proxies,
            replies=control_reply,
        )
        # These have signatures and keys of their own.
        self._storage = Gate(
            Table(storage),
            _always,
            _nobody,
            doors.hsts,
            proxies=doors.proxies,
            replies=control_reply,
        )
        self._scoring = Gate(
            Table(scoring),
            _always,
            _nobody,
            doors.hsts,
            proxies=doors.proxies,
            replies=scoring_reply,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        settle(scope, self._proxies)
        host = name_of(_host(scope))
        path: str = scope["path"]
        if host == self._workspace.storage_host:
            # The client puts the name of the container into the path, and nothing before it.
            await self._storage(scope, receive, send)
        elif path.startswith(PREFIX) or (is_own_path(path) and self._placing.at(host, sealed=True)):
            await self._scoring(scope, receive, send)
        elif (part := self._part(path)) is not None:
            await self._control({**scope, "path": part}, receive, send)
        else:
            await self._otherwise(scope, receive, send)

    def _part(self, path: str) -> str | None:
        """Return the address within the control plane that *path* means; `None` if none."""
        plain = f"/{path.strip('/')}".lower()
        if plain in _CONTROL:
            return plain
        if not is_of_a_workspace(path):
            return None
        return self._workspace.part(path) or "/another-workspace"


class Scoring:
    """The application of the listener without TLS: calls of what goes without, and nothing else."""

    def __init__(self, scoring: Sequence[Address], proxies: Proxies) -> None:
        self._gate = Gate(Table(scoring), _always, _nobody, proxies=proxies, replies=scoring_reply)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._gate(scope, receive, send)


def _host(scope: Scope) -> str:
    return next(
        (value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), ""
    )


def _always(_method: str, _path: str) -> bool:
    return True


def _nobody(_token: bytes) -> Principal:
    raise NotFound("Nobody logs in here.")
