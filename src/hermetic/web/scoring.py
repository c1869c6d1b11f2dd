"""Calls of services as callers send them: with a token, to `/api/{name}/{version}`."""

from collections.abc import Awaitable, Callable
from hashlib import sha256

from uvicorn import Config
from uvicorn.server import ServerState

from hermetic.access.principals import Principal
from hermetic.client.execution import Execution
from hermetic.errors import HermeticError, Unauthenticated
from hermetic.http.calls import Call, CallProtocol, Calls, Routing
from hermetic.http.gate import MISSING
from hermetic.http.limits import WireLimits
from hermetic.http.requests import RequestIds
from hermetic.node.metrics import Metrics
from hermetic.serving.service import ServiceKey

Refusing = Callable[[bytes, bytes], tuple[ServiceKey, HermeticError] | None]
"""Takes an address that begins with `DEPLOYED`, and the field Authorization; returns how a caller is
refused who may not call what is there, and what of."""

DEPLOYED = b"/api/v1/service/"


class Scoring(Calls):
    """What all connections of a web node need to answer calls.

    *authenticate* takes a token and its SHA-256, never waits, and raises `Unauthenticated`; *settle* learns what
    other web nodes have decided meanwhile.
    """

    def __init__(
        self,
        *,
        routes: Routing,
        authenticate: Callable[[bytes, bytes], Principal],
        execution: Execution,
        metrics: Metrics,
        ids: RequestIds,
        limits: WireLimits | None = None,
        hsts: bytes | None = None,
        settle: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(
            routes=routes, execution=execution, metrics=metrics, ids=ids, limits=limits, hsts=hsts
        )
        self.authenticate, self.settle = authenticate, settle
        self.refusing: Refusing | None = None
        """Keeps those from the application who may not call a deployment: to refuse them there would
        cost three times as much."""


class ScoringProtocol(CallProtocol):
    """A connection of a caller."""

    def __init__(self, config: Config, state: ServerState, shared: Scoring) -> None:
        super().__init__(config, state, shared)
        self.scoring = shared
        # Those of the last call, which the next one mostly has, too.
        self.bearer: bytes | None = None
        self.token = self.digest = b""

    def open(self, fields: dict[bytes, bytes], keep_alive: bool) -> None:
        """Refuse at once who may not call a deployment, which the application would answer."""
        refusing = self.scoring.refusing
        if refusing is not None and self.url.startswith(DEPLOYED):
            refused = refusing(self.url, fields.get(b"authorization", b""))
            if refused is not None and self.parser.get_method() == b"POST":
                self.take(*refused, fields, keep_alive)
                return
        super().open(fields, keep_alive)

    def admit(self, call: Call, fields: dict[bytes, bytes]) -> None:
        """Refuse a call without a good token."""
        bearer = fields.get(b"authorization", b"")
        if bearer is not self.bearer:
            if bearer[:7].lower() != b"bearer ":
                self.fail(call, Unauthenticated(MISSING))
                return
            self.bearer, self.token = bearer, bearer[7:].strip()
            self.digest = sha256(self.token).digest()
        token = self.token
        error = self._refusal(token)
        if error is not None and error.unsettled and self.scoring.settle is not None:
            call.waits = True
            task = self.loop.create_task(self._settle(call, token, self.scoring.settle))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        elif error is not None:
            self.fail(call, error)

    def _refusal(self, token: bytes) -> Unauthenticated | None:
        try:
            self.scoring.authenticate(token, self.digest)
        except Unauthenticated as error:
            return error
        return None

    async def _settle(
        self, call: Call, token: bytes, settle: Callable[[], Awaitable[None]]
    ) -> None:
        """Look at the token of *call* again, once it is known what others have decided."""
        error: HermeticError | None = None
        try:
            await settle()
            if token is not self.token:
                self.bearer, self.token, self.digest = None, token, sha256(token).digest()
            error = self._refusal(token)
        except HermeticError as failure:
            error = failure
        if not call.disconnected:
            self.settled(call, error)
