"""One call on its way to a compute node, and how it can end without an answer."""

from collections.abc import Callable
from typing import Protocol

from hermetic.client.execution import Answer
from hermetic.client.link import Line, Outcome
from hermetic.errors import Busy, DeadlineExceeded, HermeticError, Unavailable, Unreachable
from hermetic.gateway.nodes import ComputeNode, Given
from hermetic.log import logger
from hermetic.serving.balancing import Standing

log = logger(__name__)


class Forwarder(Protocol):
    """Whoever sends calls on."""

    def ended(self, call: "Forwarded", outcome: Outcome) -> None:
        """Take what came of *call* at its node."""


class Forwarded:
    """A call that has not ended.

    `tried` are the nodes that do not get it again, `until` is when it is late (infinite once it
    was found to be), `retried` whether it was sent a second time after a node had it.
    """

    __slots__ = (
        "abandoned",
        "answer",
        "body",
        "came",
        "given",
        "given_times",
        "line",
        "node",
        "number",
        "owner",
        "request_id",
        "retried",
        "trial",
        "tried",
        "until",
        "within_s",
    )

    def __init__(
        self,
        owner: Forwarder,
        given: Given,
        body: bytes,
        answer: Callable[[Answer], None],
        request_id: bytes,
    ) -> None:
        self.owner, self.given, self.body, self.answer = owner, given, body, answer
        self.request_id = request_id
        self.number = self.given_times = 0
        self.came = self.within_s = self.until = 0.0
        self.node: ComputeNode | None = None
        self.line: Line | None = None
        self.tried: tuple[Standing, ...] = ()
        self.trial = 0
        self.retried = self.abandoned = False

    def ended(self, outcome: Outcome) -> None:
        """Take what came of it at its node; this is what the link calls."""
        self.owner.ended(self, outcome)


def nobody() -> Unavailable:
    """Return what ends a call that no node can take."""
    return Unavailable("No compute node answers at present; try again.")


def full() -> Busy:
    """Return what ends a call for which there is no room."""
    return Busy("Every compute node is busy and the queue is full; try again.")


def late(within_s: float) -> DeadlineExceeded:
    """Return what ends a call whose node has gone silent."""
    return DeadlineExceeded(f"The compute node did not answer within {within_s:g} s.")


def abandoned() -> Unavailable:
    """Return what ends a call nobody waits for."""
    return Unavailable("The caller went away before the call ended.")


def lost() -> Unreachable:
    """Return what ends a call of which nobody knows whether it was carried out."""
    return Unreachable(
        "The compute node was lost while the call ran, and nobody knows whether it was carried"
        " out: look before you send it again, or publish the service as idempotent."
    )


async def withdrawn(node: ComputeNode, given: Given) -> None:
    """Let *node* forget a service; one that cannot be asked forgets it in time by itself."""
    try:
        await node.client.withdraw(given.digest)
    except HermeticError as error:
        # It forgets by itself what nobody calls.
        log.debug("service.not_withdrawn", node=str(node.address), reason=error.text)
