"""Calls on their way to compute nodes; the `Execution` of a web node that has some.

A call goes to the less loaded of two nodes drawn by chance.  It is sent a second time only where
it cannot have run, or where its service says that it may run twice.  A service is given to a
node when its first call comes there.  This is on the way of every call: nothing waits, and what
can be put together beforehand is.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from math import inf
from pathlib import Path

from hermetic.client.execution import Answer, Capacity, Loaded
from hermetic.client.link import Broken, Outcome, Reply
from hermetic.errors import (
    BundleMissing,
    Busy,
    DeadlineExceeded,
    Draining,
    HermeticError,
    NotPermitted,
    NotPlaced,
    NoWorker,
    ServiceNotFound,
    TrustFailure,
    Unavailable,
    Unreachable,
)
from hermetic.gateway import forwarded
from hermetic.gateway.forwarded import Forwarded
from hermetic.gateway.nodes import Archive, ComputeNode, ComputeNodes, Given
from hermetic.log import logger
from hermetic.serving.balancing import Failure, Standing, choose
from hermetic.serving.service import Service, ServiceKey
from hermetic.wire.placements import placed
from hermetic.wire.problems import from_problem

log = logger(__name__)

_QUESTION = (
    b"POST /calls/%b HTTP/1.1\r\nhost: %b\r\nx-request-id: %b\r\nx-within-ms: %d\r\n"
    b"content-length: %d\r\n\r\n%b"
)
NEVER_RAN = (Busy, Draining, NoWorker)
"""What a node answers when it has not begun, and another node may do better."""
# The node ends a call at its deadline; only one that is not there any more is later than this.
_LATE_S = 5.0
_GIVEN_TIMES = 3
_QUEUE_S = 30.0


class Forwarding:
    """Gives calls to compute nodes.

    Args:
        nodes: Where they may go.
        archive: Gives the archive of a bundle.
        within_s: The deadline of a call for which nobody sets a shorter one.
        queued: How many calls may wait for a connection to become free.
        luck: Draws a number from 0 to 1.
    """

    def __init__(
        self,
        nodes: ComputeNodes,
        archive: Archive,
        *,
        within_s: float = 60.0,
        queued: int = 1000,
        luck: Callable[[], float] = random.random,
    ) -> None:
        self._nodes, self._archive, self._luck = nodes, archive, luck
        nodes.on_silent = self.given_up
        self._within_s, self._queued = within_s, queued
        self._loop = asyncio.get_running_loop()
        self._given: dict[ServiceKey, Given] = {}
        self._calls: dict[int, Forwarded] = {}
        self._queue: deque[Forwarded] = deque()
        self._count = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    # What `Execution` asks

    def place(self, service: Service, folder: Path | None) -> None:
        """See `Execution.place`; nodes are given it when they are first called for it."""
        digest, document = placed(service)
        old = self._given.get(service.key)
        self._given[service.key] = Given(
            service.key, digest, document, service.bundle, service.idempotent
        )
        if old is not None and old.digest != digest:
            self._forget(old)

    def withdraw(self, key: ServiceKey) -> None:
        """See `Execution.withdraw`."""
        given = self._given.pop(key, None)
        if given is not None:
            self._forget(given)

    async def check(self, service: Service, folder: Path | None) -> Loaded:
        """See `Execution.check`; another node is tried if one cannot be reached."""
        digest, document = placed(service)
        tried: tuple[Standing, ...] = ()
        error: HermeticError = forwarded.nobody()
        while (node := self._chosen(tried)) is not None:
            try:
                return await self._checked(node, service, digest, document)
            except (Unreachable, TrustFailure, *NEVER_RAN) as failure:
                tried, error = (*tried, node.standing), failure
        raise error if isinstance(error, Unavailable) else forwarded.nobody()

    def submit(
        self,
        key: ServiceKey,
        body: bytes,
        answer: Callable[[Answer], None],
        request_id: bytes = b"",
        within_s: float = 0.0,
    ) -> int:
        """See `Execution.submit`."""
        given = self._given.get(key)
        if given is None or self._stopping:
            error = Draining("The node is stopping.") if self._stopping else None
            missing = error or ServiceNotFound(key.name, key.version)
            answer(Answer(b"", missing, 0.0, 0.0))
            return 0
        call = Forwarded(self, given, body, answer, request_id)
        call.within_s = within_s or self._within_s
        call.came = self._loop.time()
        call.until = call.came + call.within_s + _LATE_S
        self._count += 1
        call.number = self._count
        self._calls[call.number] = call
        self._forward(call)
        return call.number

    def abandon(self, ticket: int) -> None:
        """See `Execution.abandon`; its connection is closed, by which the node knows."""
        call = self._calls.get(ticket)
        if call is None:
            return
        call.abandoned = True
        if call.line is not None:
            call.line.close()
        elif call.node is None and call in self._queue:
            self._queue.remove(call)
            self._finish(call, forwarded.abandoned())

    async def probe(self) -> None:
        """See `Execution.probe`: a node that answered lately, and may be given a call."""
        if not self._nodes.answering():
            raise Unavailable("No compute node answers.")

    def capacity(self) -> Capacity:
        """See `Execution.capacity`; what waits here is counted as well."""
        there = self._nodes.capacity()
        return there._replace(queued=there.queued + len(self._queue))

    # Its own life

    async def run(self) -> None:
        """End what is late, about once a second, until cancelled."""
        while True:
            await asyncio.sleep(1.0)
            self.sweep(self._loop.time())

    def sweep(self, now: float) -> None:
        """End calls whose node went silent, and those that waited too long; *now* as the loop's."""
        while self._queue and now - self._queue[0].came >= _QUEUE_S:
            self._finish(self._queue.popleft(), forwarded.full())
        for call in [one for one in self._calls.values() if now > one.until]:
            call.until = inf
            if call.line is not None:
                call.line.close()

    def given_up(self, node: ComputeNode) -> None:
        """Send what *node*, which hangs, was given to others, as far as it may run twice."""
        for call in [one for one in self._calls.values() if one.node is node]:
            if call.given.idempotent and call.line is not None:
                call.line.close()

    async def stop(self) -> None:
        """Take no more calls, and end those that whoever took them did not wait for."""
        self._stopping = True
        for call in list(self._calls.values()):
            self._finish(call, Unavailable("The node stopped before the call ended."))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # The way of one call

    def _forward(self, call: Forwarded) -> None:
        """Send *call* to a node, or let it wait, or refuse it."""
        node = self._chosen(call.tried)
        if node is None:
            self._finish(call, forwarded.nobody())
        elif node.link.has_room:
            self._ask(call, node)
        elif (other := self._with_room(call)) is not None:
            self._ask(call, other)
        elif len(self._queue) >= self._queued:
            self._finish(call, forwarded.full())
        else:
            call.node = call.line = None
            self._queue.append(call)

    def _ask(self, call: Forwarded, node: ComputeNode) -> None:
        """Send *call* to *node*, which is given the service first if it may not have it."""
        if call.given.digest not in node.holding:
            call.node = node
            self._give(call, node)
            return
        link, given, body = node.link, call.given, call.body
        question = _QUESTION % (
            given.address,
            link.authority,
            call.request_id,
            int(call.within_s * 1000),
            len(body),
            body,
        )
        call.node, call.trial = node, node.standing.begin()
        call.line = link.ask(question, call.ended)

    def ended(self, call: Forwarded, outcome: Outcome) -> None:
        """Take what came of *call* at its node."""
        node = call.node
        if node is None or call.number not in self._calls:
            return
        call.line = None
        if type(outcome) is Reply:
            if outcome.status == 200:
                node.standing.succeed(trial=call.trial)
                body, queued_s, executed_s = outcome.body, outcome.queued_s, outcome.executed_s
                del self._calls[call.number]
                call.answer(Answer(body, None, queued_s, executed_s))
            else:
                self._refused(call, node, from_problem(outcome.status, outcome.body))
        elif type(outcome) is Broken:
            self._broke(call, node, outcome)
        if self._queue:
            self._go_on()

    def _refused(self, call: Forwarded, node: ComputeNode, error: HermeticError) -> None:
        if isinstance(error, NotPlaced):
            node.standing.not_run(trial=call.trial)
            node.holding.discard(call.given.digest)
            self._give(call, node)
        elif isinstance(error, NEVER_RAN):
            node.standing.not_run(trial=call.trial)
            if isinstance(error, Draining):
                node.leaving = True
                node.settle()
            self._again(call, node, error)
        elif isinstance(error, NotPermitted):
            # It knows nobody but web nodes: whom it turns away is us, and not our caller.
            now = self._loop.time()
            node.standing.fail(Failure.UNTRUSTED, now, self._luck(), trial=call.trial)
            log.warning("call.turned_away", node=str(node.address), reason=error.text)
            self._elsewhere(call, node)
        elif isinstance(error, Unreachable):
            # A proxy before the node could not reach it, and cannot tell whether it ran.
            node.standing.fail(Failure.BROKEN, self._loop.time(), self._luck(), trial=call.trial)
            self._again_if_it_may(call, node)
        else:
            node.standing.succeed(trial=call.trial)
            self._finish(call, error)

    def _broke(self, call: Forwarded, node: ComputeNode, broken: Broken) -> None:
        if call.abandoned:
            node.standing.abandon(trial=call.trial)
            self._finish(call, forwarded.abandoned())
            return
        now = self._loop.time()
        if call.until == inf:
            node.standing.fail(Failure.LATE, now, self._luck(), trial=call.trial)
            self._finish(call, forwarded.late(call.within_s))
            return
        kind = Failure.BROKEN if broken.sent else Failure.UNREACHABLE
        node.standing.fail(kind, now, self._luck(), trial=call.trial)
        log.warning(
            "call.broke",
            node=str(node.address),
            sent=broken.sent,
            reason=broken.reason,
            request_id=call.request_id.decode("ascii", "replace"),
        )
        if broken.sent:
            self._again_if_it_may(call, node)
        else:
            self._elsewhere(call, node)

    def _elsewhere(self, call: Forwarded, node: ComputeNode) -> None:
        """Send *call*, which *node* has not seen, to another node."""
        call.tried = (*call.tried, node.standing)
        self._forward(call)

    def _again(self, call: Forwarded, node: ComputeNode, error: HermeticError) -> None:
        """Send *call*, which was not run, to another node, once."""
        if call.retried:
            self._finish(call, error)
            return
        call.retried = True
        call.tried = (*call.tried, node.standing)
        other = self._chosen(call.tried)
        if other is None:
            self._finish(call, error)
        else:
            self._forward(call)

    def _again_if_it_may(self, call: Forwarded, node: ComputeNode) -> None:
        """Send *call*, which may have been run, to another node if its service allows that."""
        if call.given.idempotent:
            self._again(call, node, forwarded.lost())
        else:
            self._finish(call, forwarded.lost())

    def _finish(self, call: Forwarded, error: HermeticError) -> None:
        if self._calls.pop(call.number, None) is not None:
            waited_s = self._loop.time() - call.came
            call.answer(Answer(b"", error, waited_s, 0.0))

    def _go_on(self) -> None:
        """Send what waits, now that a connection has become free."""
        while self._queue:
            call = self._queue[0]
            node = self._with_room(call)
            if node is None:
                return
            self._queue.popleft()
            self._ask(call, node)

    # Choosing and giving

    def _chosen(self, tried: tuple[Standing, ...]) -> ComputeNode | None:
        nodes = self._nodes
        standing = choose(nodes.standings, self._loop.time(), self._luck(), self._luck(), tried)
        return None if standing is None else nodes.by_standing[standing]

    def _with_room(self, call: Forwarded) -> ComputeNode | None:
        now = self._loop.time()
        ready = [
            node
            for node in self._nodes
            if node.standing.is_ready(now)
            and node.link.has_room
            and node.standing not in call.tried
        ]
        return min(ready, key=lambda node: node.standing.load, default=None)

    def _give(self, call: Forwarded, node: ComputeNode) -> None:
        call.given_times += 1
        if call.given_times > _GIVEN_TIMES:
            self._finish(call, Unavailable("The compute node forgets the service at once."))
            return
        self._keep(self._given_then_asked(call, node))

    async def _given_then_asked(self, call: Forwarded, node: ComputeNode) -> None:
        try:
            await node.give(call.given, self._archive)
        except (Unreachable, TrustFailure, DeadlineExceeded, *NEVER_RAN) as error:
            log.warning("service.not_given", node=str(node.address), reason=error.text)
            self._elsewhere(call, node)
        except HermeticError as error:
            log.warning("service.not_given", node=str(node.address), reason=error.text)
            self._finish(call, error)
        else:
            if call.number in self._calls:
                self._ask(call, node)

    async def _checked(
        self, node: ComputeNode, service: Service, digest: str, document: bytes
    ) -> Loaded:
        try:
            return await node.client.check(digest, document)
        except BundleMissing:
            if service.bundle is None:
                raise
            await node.send_bundle(service.bundle, self._archive)
            return await node.client.check(digest, document)

    def _forget(self, given: Given) -> None:
        for node in self._nodes:
            if given.digest in node.holding:
                node.holding.discard(given.digest)
                self._keep(forwarded.withdrawn(node, given))

    def _keep(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
