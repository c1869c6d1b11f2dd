"""Calls as web nodes send them: from a peer that was let in, to `/calls/{digest}`.

Who the peer is, its connection says; nothing in a request can.
"""

import asyncio
from typing import Protocol

from uvicorn import Config
from uvicorn.server import ServerState

from hermetic.client.execution import Answer, Execution
from hermetic.errors import CertificateRejected, Draining, NotPermitted
from hermetic.http.calls import Call, CallProtocol, Calls, Routing
from hermetic.http.limits import WireLimits
from hermetic.http.requests import RequestIds
from hermetic.node.metrics import Metrics

WITHIN = b"x-within-ms"
"""The header field that carries the deadline of a call, in milliseconds from its arrival."""
TIMES = b"x-queued-us: %d\r\nx-executed-us: %d\r\n"

_GOODBYE = "The node is stopping; what came on this connection after its last answer was not begun."


class Door(Protocol):
    """Says who may come in (`tls.peers`)."""

    def admit(self, transport: asyncio.BaseTransport) -> object:
        """Return who is at the other end, or raise `CertificateRejected`."""

    def left(self, transport: asyncio.BaseTransport) -> None:
        """Take note that the connection has ended."""


class OpenDoor:
    """Lets everybody in: for a node that trusts its network."""

    def admit(self, transport: asyncio.BaseTransport) -> object:
        """Return nobody in particular."""
        return None

    def left(self, transport: asyncio.BaseTransport) -> None:
        """Do nothing."""


class ComputeCalls(Calls):
    """What all connections of a compute node need to answer calls."""

    def __init__(
        self,
        *,
        door: Door,
        routes: Routing,
        execution: Execution,
        metrics: Metrics,
        ids: RequestIds,
        limits: WireLimits | None = None,
    ) -> None:
        super().__init__(
            routes=routes, execution=execution, metrics=metrics, ids=ids, limits=limits
        )
        self.door = door


class ComputeProtocol(CallProtocol):
    """A connection of a web node."""

    def __init__(self, config: Config, state: ServerState, shared: ComputeCalls) -> None:
        super().__init__(config, state, shared)
        self._door = shared.door

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask the door; who may not come in is told so, and heard no further."""
        super().connection_made(transport)
        try:
            self._door.admit(transport)
        except CertificateRejected as error:
            self.refuse(NotPermitted(f"This node does not let you in: {error.text}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the door, too."""
        self._door.left(self.transport)
        super().connection_lost(exc)

    def admit(self, call: Call, fields: dict[bytes, bytes]) -> None:
        """Take the deadline that the web node set."""
        within = fields.get(WITHIN, b"")
        if within.isdigit():
            call.within_s = int(within[:12]) / 1000

    def told(self, answer: Answer) -> bytes:
        """Tell how long the call waited and ran."""
        return TIMES % (int(answer.queued_s * 1e6), int(answer.executed_s * 1e6))

    def part(self) -> None:
        """Say goodbye before closing.

        HTTP/1.1 cannot say "no further request": one sent at the moment of closing would be lost
        without its sender knowing whether it ran.  So an answer is sent to a question that was
        not asked, or just now: whoever is waiting learns that nothing was begun.
        """
        self.write_problem(Draining(_GOODBYE), self.calls.ids.take(None), keep_alive=False)
        self.linger()
