"""Operations: what was asked for and takes a while, with a history that can be read.

Each is kept from its beginning, so that a node that is started again says of what was under way
that it ended with the node.  Of one resource one operation runs at a time.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hermetic.clock import Clock
from hermetic.errors import CertificateRejected, Conflict, HermeticError
from hermetic.log import logger
from hermetic.registry.documents import Document, Documents
from hermetic.registry.moments import from_text, to_text

_KIND = "operation"
_KEPT_FOR = timedelta(days=7)
_STOPPED_WITHIN_S = 20.0  # an order at a public CA may take minutes, and a stop must not

log = logger(__name__)


class OperationState(StrEnum):
    """How an operation stands."""

    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class Failure:
    """Why an operation failed: a code that stays the same, and a sentence."""

    code: str
    message: str
    status: int = 400


@dataclass(frozen=True)
class Operation:
    """One operation: what it does to which resource, and what became of it."""

    id: str
    kind: str
    resource: str
    state: OperationState
    created_at: datetime
    ended_at: datetime | None = None
    failure: Failure | None = None
    log: tuple[tuple[datetime, str], ...] = ()


_STOPPED = Failure("NodeStopped", "The node stopped meanwhile: try again.", 503)

Tell = Callable[[str], None]
"""Adds a line to the history of an operation."""

Work = Callable[[Tell], Coroutine[Any, Any, None]]
"""What an operation does; a `HermeticError` makes it fail."""


class Operations:
    """The operations of this installation."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents, self._clock = documents, clock
        self._running: dict[str, Operation] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Say of what was under way that it ended with the node; forget what is old."""
        for document in await self._documents.all(_KIND):
            one = _operation(document)
            if one.state is OperationState.RUNNING:
                ended = replace(
                    one, state=OperationState.FAILED, ended_at=self._clock(), failure=_STOPPED
                )
                await self._documents.replace(_document(ended, document.revision))
            elif one.ended_at is not None and self._clock() - one.ended_at > _KEPT_FOR:
                await self._documents.remove(_KIND, one.id)

    async def stop(self, within_s: float = _STOPPED_WITHIN_S) -> None:
        """Let what is under way end; what takes longer than *within_s* is cut short."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=within_s)
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(set(self._tasks))

    async def begin(self, kind: str, resource: str, work: Work) -> Operation:
        """Begin *work* on *resource*, and return the operation it is known by.

        Raises:
            Conflict: Another operation on the resource runs.
        """
        self.refuse_busy(resource)
        now = self._clock()
        one = Operation(str(uuid.uuid4()), kind, resource, OperationState.RUNNING, now)
        self._running[resource] = one
        try:
            kept = await self._documents.add(_document(one, 0))
        except BaseException:
            del self._running[resource]
            raise
        task = asyncio.create_task(self._run(one, kept.revision, work), name=f"{kind} {resource}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return one

    def refuse_busy(self, resource: str) -> None:
        """Raise `Conflict` if an operation on *resource* runs."""
        other = self._running.get(resource)
        if other is not None:
            raise Conflict(
                f"The operation {other.id} ({other.kind}) on {resource.rpartition('/')[2]!r} is"
                " under way: wait for its end, then try again."
            )

    def is_busy(self, resource: str) -> bool:
        """Whether an operation on *resource* runs."""
        return resource in self._running

    async def find(self, id_: str) -> Operation | None:
        """Return the operation *id_*, if there is one."""
        for one in self._running.values():
            if one.id == id_:
                return one
        document = await self._documents.find(_KIND, id_)
        return None if document is None else _operation(document)

    async def _run(self, one: Operation, revision: int, work: Work) -> None:
        def tell(line: str) -> None:
            known = self._running[one.resource]
            self._running[one.resource] = replace(known, log=(*known.log, (self._clock(), line)))

        failure: Failure | None = Failure("InternalError", "The node's log says what broke.", 500)
        try:
            await work(tell)
            failure = None
        except HermeticError as error:
            failure = Failure(code_of(error), error.text, error.status)
            log.info("operation.failed", operation=one.kind, problem=error.type)
        except asyncio.CancelledError:
            failure = _STOPPED
            raise
        finally:
            ended = replace(
                self._running[one.resource],
                state=OperationState.FAILED if failure else OperationState.SUCCEEDED,
                ended_at=self._clock(),
                failure=failure,
            )
            try:
                await self._documents.replace(_document(ended, revision))
            finally:
                del self._running[one.resource]


def code_of(error: HermeticError) -> str:
    """Return the code by which *error* is known to a machine."""
    if isinstance(error, CertificateRejected):
        return error.code
    return "".join(part.capitalize() for part in error.type.split("-"))


def _document(one: Operation, revision: int) -> Document:
    failure = one.failure
    body = {
        "kind": one.kind,
        "resource": one.resource,
        "state": one.state.value,
        "created_at": to_text(one.created_at),
        "ended_at": None if one.ended_at is None else to_text(one.ended_at),
        "failure": None if failure is None else [failure.code, failure.message, failure.status],
        "log": [[to_text(at), line] for at, line in one.log],
    }
    return Document(_KIND, one.id, body, revision=revision)


def _operation(document: Document) -> Operation:
    body = document.body
    ended, failure = body["ended_at"], body["failure"]
    return Operation(
        document.name,
        body["kind"],
        body["resource"],
        OperationState(body["state"]),
        from_text(body["created_at"]),
        None if ended is None else from_text(ended),
        None if failure is None else Failure(*failure),
        tuple((from_text(at), line) for at, line in body["log"]),
    )
