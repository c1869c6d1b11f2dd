"""Which worker gets which call, and when workers come and go.

Decides without doing: each event is a method, and returns the actions to take.  Knows services,
workers and calls only as numbers, and the time only as an argument, in seconds of any clock
that does not go back.

Every call accepted by `call` is ended exactly once: by `answered`, or by a `Fail`.  A worker
loaded with a service is never given to another.
"""

from math import inf

from hermetic.compute.limits import Limits, ahead
from hermetic.compute.moments import due_at, moments
from hermetic.compute.roster import (
    ALIVE,
    STOPPING_OR_ALIVE,
    Action,
    Census,
    Ending,
    Fail,
    Load,
    Phase,
    Reason,
    Send,
    ServiceState,
    Start,
    Stop,
    WorkerState,
    is_any_in,
    longest_idle,
    starting_for_nobody,
)


class Dispatch:
    """The state of all workers and calls of one pool."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._services: dict[int, ServiceState] = {}
        self._workers: dict[int, WorkerState] = {}
        self._blank: list[WorkerState] = []
        self._actions: list[Action] = []
        self._numbers = 0
        self._start_failures = 0
        self._start_at = -inf
        self.census = Census(self._services, self._workers)
        self.wake_at = inf
        """When `tick` should come next, if nothing happens before."""

    def start(self, now: float) -> list[Action]:
        """Begin: make the first blank workers."""
        self._refill(now)
        return self._done()

    def place(self, service: int) -> None:
        """Accept calls for *service* from now on."""
        self._services[service] = ServiceState(service)

    def retire(self, service: int, now: float) -> list[Action]:
        """Accept no more calls for *service*; those accepted are carried out."""
        one = self._services.get(service)
        if one is not None:
            one.retired = True
            for worker in list(one.idle):
                self._stop(worker, Reason.WITHDRAWN, now)
            self._forget(one)
        return self._done()

    def call(self, service: int, call: int, now: float) -> list[Action]:
        """Accept a call."""
        one = self._services.get(service)
        if one is None or one.retired:
            return [Fail(call, Ending.WITHDRAWN)]
        if one.idle:
            worker = one.idle.pop()
            worker.phase, worker.since = Phase.BUSY, now
            worker.calls.append(call)
            self._wake(now + self._limits.call_s)
            return [Send(worker.number, call)]
        room = one.least_busy(ahead(one.recent_s)) if not one.queue else None
        if room is not None:
            room.calls.append(call)
            return [Send(room.number, call)]
        if len(one.queue) >= self._limits.queued:
            return [Fail(call, Ending.BUSY)]
        one.queue.append((call, now))
        if not one.workers:
            self._begin(one, now)
        self._wake(now + self._limits.grow_after_s)
        return self._done()

    def ready(self, worker: int, now: float) -> list[Action]:
        """A started worker said that it is ready."""
        one = self._workers[worker]
        self._start_failures = 0
        if one.phase is Phase.STARTING:
            service = one.service
            if service is not None and service.queue:
                self._load(one, service, now)
            elif one.extra:
                self._stop(one, Reason.SPARE, now)
            else:
                self._blanken(one, now)
            self._serve_waiting(now)
        return self._done()

    def loaded(self, worker: int, now: float) -> list[Action]:
        """A worker has loaded its service."""
        one = self._workers[worker]
        if one.phase is Phase.LOADING and one.service is not None:
            self._rest(one, now)
        return self._done()

    def unloadable(self, worker: int, now: float) -> list[Action]:
        """A worker could not load its service."""
        self._could_not_load(self._workers[worker], Reason.UNLOADABLE, now)
        return self._done()

    def is_head(self, worker: int, call: int) -> bool:
        """Whether *call* is what *worker* should be answering; anything else it says is a lie."""
        one = self._workers.get(worker)
        return one is not None and bool(one.calls) and one.calls[0] == call

    def answered(
        self, worker: int, now: float, took_s: float, *, last: bool = False
    ) -> list[Action]:
        """A worker answered its head; *last* if it wants no other call.

        *took_s* is how long it says that it worked: the time for which the call was the head
        would make a quick service look slow whenever the node is busy.
        """
        one = self._workers[worker]
        one.calls.popleft()
        service = one.service
        if service is None or one.phase is not Phase.BUSY:
            return []
        service.recent_s += (took_s - service.recent_s) * 0.2
        service.failures = 0
        one.since = now
        if last or one.extra:
            self._requeue(one, now)
            self._stop(one, Reason.RECYCLED if last else Reason.SPARE, now)
        elif one.calls and not service.queue:
            self._wake(now + self._limits.call_s)
            return []
        else:
            self._rest(one, now)
        return self._done()

    def died(self, worker: int, now: float) -> list[Action]:
        """A worker's process has ended, asked to or not."""
        one = self._workers[worker]
        if one.phase is Phase.STARTING:
            self._could_not_start(one, now)
        elif one.phase is Phase.LOADING:
            self._could_not_load(one, None, now)
        elif one.phase is Phase.BUSY:
            self._actions.append(Fail(one.calls.popleft(), Ending.DIED))
            if one.service is not None:
                one.service.ended_a_worker(now)
        self._leave(one, now)
        del self._workers[worker]
        self._serve_waiting(now)
        self._refill(now)
        return self._done()

    def expire(self, call: int, now: float, ending: Ending) -> list[Action]:
        """End *call* before its time: at once if it waits, with its worker if it is the head.

        One that was given to a quick worker behind others is left: its turn comes at once.
        """
        if (queueing := self.census.queueing(call)) is not None:
            queueing.take_out(call)
            self._actions.append(Fail(call, ending))
            self._forget(queueing)
        elif (worker := self.census.working_on(call)) is not None:
            self._actions.append(Fail(worker.calls.popleft(), ending))
            is_late = ending is Ending.DEADLINE
            self._stop(worker, Reason.DEADLINE if is_late else Reason.ABANDONED, now)
        return self._done()

    def tick(self, now: float) -> list[Action]:
        """Do what is due, and say in `wake_at` when something will be next."""
        for worker in list(self._workers.values()):
            self._check(worker, now)
        for service in list(self._services.values()):
            while service.queue and now - service.queue[0][1] >= self._limits.queue_s:
                self._actions.append(Fail(service.queue.popleft()[0], Ending.BUSY))
            if service.queue and now - service.queue[0][1] >= self._limits.grow_after_s:
                self._grow(service, now)
        self._serve_waiting(now)
        self._refill(now)
        workers, services = self._workers.values(), self._services.values()
        due = moments(workers, services, self._limits, now, spare=self._spare())
        self.wake_at = min(due, default=inf)
        if self._start_at > now:
            self._wake(self._start_at)
        return self._done()

    # ---- what the events are made of ----

    def _done(self) -> list[Action]:
        actions, self._actions = self._actions, []
        return actions

    def _wake(self, at: float) -> None:
        self.wake_at = min(self.wake_at, at)

    def _rest(self, worker: WorkerState, now: float) -> None:
        """Give a loaded worker what it can take next."""
        if (service := worker.service) is None:
            return
        room = 1 if worker.extra else ahead(service.recent_s)
        while service.queue and len(worker.calls) < room:
            call, _ = service.queue.popleft()
            worker.calls.append(call)
            self._actions.append(Send(worker.number, call))
        if worker.calls:
            worker.phase, worker.since = Phase.BUSY, now
            self._wake(now + self._limits.call_s)
        elif service.retired:
            self._stop(worker, Reason.WITHDRAWN, now)
        elif worker.extra:
            self._stop(worker, Reason.SPARE, now)
        else:
            worker.phase, worker.since = Phase.IDLE, now
            service.idle.append(worker)
            self._wake(now + self._limits.idle_s)

    def _begin(self, service: ServiceState, now: float) -> None:
        """Find a first worker for a service, or refuse its calls."""
        if now < service.retry_at:
            self._refuse(service, Ending.UNLOADABLE, service.retry_at - now)
        elif not self._acquire(service, now, first=True):
            down = self._start_failures > 0 and not is_any_in(self._workers.values(), ALIVE)
            self._refuse(service, Ending.UNAVAILABLE if down else Ending.BUSY, 1.0)

    def _grow(self, service: ServiceState, now: float) -> None:
        room = (
            len(service.workers) < self._limits.workers_for(service.recent_s)
            and now >= service.retry_at
        )
        if room and not service.is_growing:
            self._acquire(service, now, first=not service.workers)

    def _acquire(self, service: ServiceState, now: float, *, first: bool) -> bool:
        """Take a worker for *service* from wherever one can be had; whether one will come."""
        if self._blank:
            self._load(self._blank.pop(), service, now)
            self._refill(now)
            return True
        if coming := starting_for_nobody(self._workers.values()):
            coming.service = service
            service.workers.append(coming)
            self._refill(now)
            return True
        if now < self._start_at:
            # While starting is on pause, whoever is alive may still become free.
            return is_any_in(self._workers.values(), STOPPING_OR_ALIVE)
        return self._start_for(service, now, first=first)

    def _start_for(self, service: ServiceState, now: float, *, first: bool) -> bool:
        """Start a worker for *service*, or make room for one; whether one will come."""
        if len(self._workers) < self._limits.most:
            self._start(now, service)
            return True
        if is_any_in(self._workers.values(), {Phase.STOPPING}):
            return True  # There will be room at once.
        idle_since = now if first else now - 1.0
        victim = longest_idle(self._workers.values(), besides=service, since=idle_since)
        if victim is not None:
            self._stop(victim, Reason.ROOM, now)
            return True
        if first and len(self._workers) < self._limits.ceiling:
            self._start(now, service, extra=True)
            return True
        return False

    def _start(
        self, now: float, service: ServiceState | None = None, *, extra: bool = False
    ) -> None:
        self._numbers += 1
        worker = WorkerState(self._numbers, now, service=service, extra=extra)
        self._workers[worker.number] = worker
        if service is not None:
            service.workers.append(worker)
        self._actions.append(Start(worker.number))
        self._wake(now + self._limits.start_s)

    def _load(self, worker: WorkerState, service: ServiceState, now: float) -> None:
        worker.phase, worker.since = Phase.LOADING, now
        if worker.service is None:
            worker.service = service
            service.workers.append(worker)
        self._actions.append(Load(worker.number, service.number))
        self._wake(now + self._limits.load_s)

    def _blanken(self, worker: WorkerState, now: float) -> None:
        if worker.service is not None:
            worker.service.workers.remove(worker)
            self._forget(worker.service)
            worker.service = None
        worker.phase, worker.since = Phase.BLANK, now
        self._blank.append(worker)

    def _stop(self, worker: WorkerState, reason: Reason, now: float) -> None:
        self._leave(worker, now)
        worker.phase, worker.since = Phase.STOPPING, now
        self._actions.append(Stop(worker.number, reason))

    def _leave(self, worker: WorkerState, now: float) -> None:
        """Take the worker out of wherever it could be given a call."""
        self._requeue(worker, now)
        if worker in self._blank:
            self._blank.remove(worker)
        if worker.service is not None:
            worker.service.part_from(worker)
            self._forget(worker.service)

    def _requeue(self, worker: WorkerState, now: float) -> None:
        """Put the calls that *worker* has not begun back, before all that wait."""
        if worker.service is not None:
            worker.service.queue.extendleft((call, now) for call in reversed(worker.calls))
            self._wake(now)
        worker.calls.clear()

    def _forget(self, service: ServiceState) -> None:
        ended = service.retired and not service.queue and not service.workers
        if ended and self._services.get(service.number) is service:
            del self._services[service.number]

    def _refuse(self, service: ServiceState, ending: Ending, after_s: float) -> None:
        while service.queue:
            call, _ = service.queue.popleft()
            self._actions.append(Fail(call, ending, after_s))
        self._forget(service)

    def _could_not_load(self, worker: WorkerState, reason: Reason | None, now: float) -> None:
        service = worker.service
        if service is None or worker.phase is not Phase.LOADING:
            return
        service.did_not_load(now)
        if all(one.phase is Phase.LOADING for one in service.workers):
            self._refuse(service, Ending.UNLOADABLE, service.retry_at - now)
        if reason is not None:
            self._stop(worker, reason, now)

    def _could_not_start(self, worker: WorkerState, now: float) -> None:
        self._start_failures += 1
        self._start_at = now + min(0.1 * 2 ** (self._start_failures - 1), 5.0)
        self._wake(self._start_at)
        self._leave(worker, now)

    def _serve_waiting(self, now: float) -> None:
        for service in list(self._services.values()):
            if service.queue and not service.workers:
                self._begin(service, now)

    def _refill(self, now: float) -> None:
        """Keep the first number of workers, and one blank for whoever comes first next."""
        limits = self._limits
        if now < self._start_at:
            return
        while len(self._workers) < limits.most and (
            len(self._workers) < limits.initial
            or (
                limits.initial > 0
                and not self._blank
                and not starting_for_nobody(self._workers.values())
            )
        ):
            self._start(now)

    def _check(self, worker: WorkerState, now: float) -> None:
        """Stop a worker that has been in its phase for too long."""
        if now < due_at(worker, self._limits, spare=self._spare()):
            return
        if worker.phase is Phase.BUSY:
            self._actions.append(Fail(worker.calls.popleft(), Ending.DEADLINE))
            self._stop(worker, Reason.DEADLINE, now)
        elif worker.phase is Phase.LOADING:
            self._could_not_load(worker, Reason.LOAD_TIMEOUT, now)
        elif worker.phase is Phase.STARTING:
            self._could_not_start(worker, now)
            self._stop(worker, Reason.START_TIMEOUT, now)
        else:
            self._stop(worker, Reason.IDLE, now)

    def _spare(self) -> bool:
        """Whether there are more blank workers than are kept for whoever comes first."""
        return len(self._blank) > max(1, self._limits.initial)
