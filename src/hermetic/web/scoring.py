"""Calls of services as callers send them: with a token, to `/api/{name}/{version}`."""

from collections.abc import Callable

from uvicorn import Config
from uvicorn.server import ServerState

from hermetic.access.principals import Principal
from hermetic.client.execution import Execution
from hermetic.errors import Unauthenticated
from hermetic.http.calls import Call, CallProtocol, Calls, Routing
from hermetic.http.gate import MISSING
from hermetic.http.limits import WireLimits
from hermetic.http.requests import RequestIds
from hermetic.node.metrics import Metrics


class Scoring(Calls):
    """What all connections of a web node need to answer calls.

    *authenticate* takes a token, never waits, and raises `Unauthenticated`.
    """

    def __init__(
        self,
        *,
        routes: Routing,
        authenticate: Callable[[bytes], Principal],
        execution: Execution,
        metrics: Metrics,
        ids: RequestIds,
        limits: WireLimits | None = None,
        hsts: bytes | None = None,
    ) -> None:
        super().__init__(
            routes=routes, execution=execution, metrics=metrics, ids=ids, limits=limits, hsts=hsts
        )
        self.authenticate = authenticate


class ScoringProtocol(CallProtocol):
    """A connection of a caller."""

    def __init__(self, config: Config, state: ServerState, shared: Scoring) -> None:
        super().__init__(config, state, shared)
        self.scoring = shared

    def admit(self, call: Call, fields: dict[bytes, bytes]) -> None:
        """Refuse a call without a good token."""
        bearer = fields.get(b"authorization", b"")
        if bearer[:7].lower() != b"bearer ":
            self.fail(call, Unauthenticated(MISSING))
            return
        try:
            self.scoring.authenticate(bearer[7:].strip())
        except Unauthenticated as error:
            self.fail(call, error)
