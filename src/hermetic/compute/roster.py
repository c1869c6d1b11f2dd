"""What the dispatch works with: the actions it asks for, and what it knows of each worker.

Pure values; services, workers and calls are numbers, times are seconds of one steady clock.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import NamedTuple


class Ending(StrEnum):
    """Why a call ended without an answer."""

    DIED = "died"
    DEADLINE = "deadline"
    BUSY = "busy"
    ABANDONED = "abandoned"
    UNLOADABLE = "unloadable"
    UNAVAILABLE = "unavailable"
    WITHDRAWN = "withdrawn"


class Reason(StrEnum):
    """Why a worker was ended, or ended by itself; the label of the metric."""

    ABANDONED = "abandoned"
    DEADLINE = "deadline"
    DIED = "died"
    IDLE = "idle"
    LOAD_TIMEOUT = "load-timeout"
    RECYCLED = "recycled"
    ROOM = "room"
    SPARE = "spare"
    START_TIMEOUT = "start-timeout"
    STOPPED = "stopped"
    UNLOADABLE = "unloadable"
    WITHDRAWN = "withdrawn"


class Start(NamedTuple):
    """Start a process; `ready` or `died` follows."""

    worker: int


class Load(NamedTuple):
    """Let a ready worker load a service; `loaded`, `unloadable` or `died` follows."""

    worker: int
    service: int


class Send(NamedTuple):
    """Give a call to a worker; it may be behind others there."""

    worker: int
    call: int


class Stop(NamedTuple):
    """Kill a worker; `died` follows."""

    worker: int
    reason: Reason


class Fail(NamedTuple):
    """Answer a call with an error."""

    call: int
    ending: Ending
    retry_after_s: float = 1.0


Action = Start | Load | Send | Stop | Fail


class Phase(StrEnum):
    """What a worker does at present."""

    STARTING = "starting"
    BLANK = "blank"
    LOADING = "loading"
    IDLE = "idle"
    BUSY = "busy"
    STOPPING = "stopping"


ALIVE = frozenset({Phase.BLANK, Phase.LOADING, Phase.IDLE, Phase.BUSY})
"""The phases of a worker that has started and was not told to stop."""
STOPPING_OR_ALIVE = ALIVE | {Phase.STOPPING}


@dataclass(slots=True, eq=False)
class ServiceState:
    """What is known of a service."""

    number: int
    queue: deque[tuple[int, float]] = field(default_factory=deque)
    """Calls without a worker, with the moment they came or came back."""
    workers: list["WorkerState"] = field(default_factory=list)
    """All that start for it, load it or are loaded with it, but those being stopped."""
    idle: list["WorkerState"] = field(default_factory=list)
    recent_s: float = 1.0
    """How long its calls took of late."""
    failures: int = 0
    retry_at: float = -inf
    retired: bool = False

    @property
    def is_growing(self) -> bool:
        """Whether a worker starts for it or loads it."""
        return any(one.phase in (Phase.STARTING, Phase.LOADING) for one in self.workers)

    def ended_a_worker(self, now: float) -> None:
        """Count a death in a row; from the third on the service has to wait before its next."""
        self.failures += 1
        if self.failures >= 3:
            self.retry_at = now + pause(self.failures - 3)

    def did_not_load(self, now: float) -> None:
        """Count a failure in a row, after which the service has to wait."""
        self.failures += 1
        self.retry_at = now + pause(self.failures - 1)

    def take_out(self, call: int) -> None:
        """Remove *call* from the queue."""
        self.queue = deque(one for one in self.queue if one[0] != call)

    def part_from(self, worker: "WorkerState") -> None:
        """Have nothing more to do with *worker*."""
        for workers in (self.workers, self.idle):
            if worker in workers:
                workers.remove(worker)

    def least_busy(self, most: int) -> "WorkerState | None":
        """Return the busy worker that holds the fewest calls, if one holds fewer than *most*."""
        best = None
        for worker in self.workers:
            if (
                worker.phase is Phase.BUSY
                and not worker.extra
                and len(worker.calls) < (most if best is None else len(best.calls))
            ):
                best = worker
        return best


@dataclass(slots=True, eq=False)
class WorkerState:
    """What is known of a worker."""

    number: int
    since: float
    """When it came into its phase; for a busy one, when its head became the head."""
    phase: Phase = Phase.STARTING
    service: ServiceState | None = None
    calls: deque[int] = field(default_factory=deque)
    extra: bool = False


@dataclass(frozen=True)
class Census:
    """What is there at this moment: the services and workers of a dispatch, by number."""

    services: Mapping[int, ServiceState]
    workers: Mapping[int, WorkerState]

    def phases(self) -> dict[Phase, int]:
        """Return how many workers there are in each phase."""
        counts = dict.fromkeys(Phase, 0)
        for worker in self.workers.values():
            counts[worker.phase] += 1
        return counts

    def knows(self, service: int) -> bool:
        """Whether *service* is placed, or has calls or workers left."""
        return service in self.services

    def queued(self) -> int:
        """Return how many calls have no worker yet."""
        return sum(len(service.queue) for service in self.services.values())

    def waiting(self) -> list[int]:
        """Return the workers that have nothing to do."""
        free = (Phase.BLANK, Phase.IDLE)
        return [one.number for one in self.workers.values() if one.phase in free]

    def queueing(self, call: int) -> ServiceState | None:
        """Return the service in whose queue *call* is."""
        return next(
            (s for s in self.services.values() if any(one == call for one, _ in s.queue)), None
        )

    def working_on(self, call: int) -> WorkerState | None:
        """Return the worker whose head *call* is."""
        busy = (one for one in self.workers.values() if one.phase is Phase.BUSY)
        return next((one for one in busy if one.calls[0] == call), None)


def pause(failures: int) -> float:
    """Return how long a service waits after so many failures beyond those let pass."""
    return float(min(0.5 * 2 ** min(failures, 10), 30.0))


def is_any_in(workers: Iterable[WorkerState], phases: Collection[Phase]) -> bool:
    """Whether one of *workers* is in one of *phases*."""
    return any(one.phase in phases for one in workers)


def starting_for_nobody(workers: Iterable[WorkerState]) -> WorkerState | None:
    """Return a worker that starts and is meant for no service yet, if there is one."""
    return next((one for one in workers if one.phase is Phase.STARTING and not one.service), None)


def longest_idle(
    workers: Iterable[WorkerState], *, besides: ServiceState, since: float
) -> WorkerState | None:
    """Return who has been idle longest, *since* then at least, for another service."""
    idle = (
        one
        for one in workers
        if one.phase is Phase.IDLE and one.service is not besides and one.since <= since
    )
    return min(idle, key=lambda one: one.since, default=None)
