"""The workers of this machine: carries out what `dispatch` decides."""

import asyncio
import contextlib
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

from hermetic.client.execution import Answer, Capacity, Loaded
from hermetic.compute import confine, endings, frames
from hermetic.compute.dispatch import Dispatch
from hermetic.compute.environments import Environments
from hermetic.compute.ledger import Figures, PendingCall, PlacedService
from hermetic.compute.limits import Limits
from hermetic.compute.orders import Orders, refusal, told, user_for
from hermetic.compute.process import WorkerProcess, Workforce
from hermetic.compute.roster import Action, Ending, Fail, Load, Phase, Reason, Send, Start, Stop
from hermetic.errors import (
    Draining,
    HermeticError,
    MalformedBody,
    ServiceNotFound,
    Unavailable,
)
from hermetic.log import logger
from hermetic.serving.service import Service, ServiceKey

log = logger(__name__)

_PROBE_S = 1.0
# What a call still gets whose caller has gone: less would cost a worker more often than a call.
_ABANDONED_S = 1.0


class LocalExecution:
    """Runs calls in worker processes of this machine; an `Execution`.

    *work* holds the folders of the workers, and is emptied at the start; *hidden* is what no
    worker may see beside its own folder and bundle: the home.  *readable* is what all may read
    beside the interpreter *python* and the system's programs.
    """

    def __init__(
        self,
        work: Path,
        *,
        limits: Limits,
        hidden: Path,
        python: str = sys.executable,
        readable: Sequence[Path] = (),
        environments: Environments | None = None,
    ) -> None:
        """Run workers in *work*; *environments* are those of services that need packages."""
        self.workforce = Workforce(work, python)
        self.orders = Orders(limits, readable, hidden, environments)
        self._loop: asyncio.AbstractEventLoop
        self._work = work
        self._limits = limits
        self._dispatch = Dispatch(limits)
        self._numbers: dict[ServiceKey, int] = {}
        self._placed: dict[int, PlacedService] = {}
        self._calls: dict[int, PendingCall] = {}
        self._workers: dict[int, WorkerProcess] = {}
        self._dead: WorkerProcess | None = None
        self._pings: dict[int, asyncio.Future[None]] = {}
        self._ended: Counter[str] = Counter()
        self._count = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._asked: set[int] = set()
        """Workers that were told to end and have not yet."""
        self._stopping = self._closed = False
        self._changed = asyncio.Event()

    @property
    def confinement(self) -> tuple[str, ...]:
        """What keeps workers from the rest of the machine, in words; for the start's report."""
        return confine.available(user_for(0, [self._work]))

    @property
    def metrics(self) -> Figures:
        """What the metrics show of the workers."""
        return Figures(
            dict(self._ended),
            {str(phase): n for phase, n in self._dispatch.census.phases().items()},
        )

    async def start(self) -> None:
        """Start the first workers; does not wait until they are ready."""
        self._loop = asyncio.get_running_loop()
        self.workforce.begin()
        words = self.confinement
        if any(word.startswith("landlock") for word in words):
            log.info("workers.confined", by=words)
        else:
            log.warning("workers.unconfined", by=words, missing="landlock")
        self._act(self._dispatch.start(self._loop.time()))

    async def stop(self, grace: float) -> None:
        """Take no more calls, wait *grace* seconds for those that run, then end all workers."""
        self._stopping = True
        deadline = self._loop.time() + grace
        while self._calls and self._loop.time() < deadline:
            await self._change(deadline - self._loop.time())
        for number in list(self._calls):
            self._end(number, Unavailable("The node stopped before the call ended."), 0.0)
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self.workforce.finish()

    def place(self, service: Service, folder: Path | None) -> None:
        """See `Execution.place`."""
        self.withdraw(service.key)
        self._numbers[service.key] = self._add(service, folder)

    def withdraw(self, key: ServiceKey) -> None:
        """See `Execution.withdraw`."""
        number = self._numbers.pop(key, None)
        if number is not None:
            self._act(self._dispatch.retire(number, self._loop.time()))
            self._sweep()

    async def check(self, service: Service, folder: Path | None) -> Loaded:
        """See `Execution.check`."""
        built = await self.orders.prepare(service)
        number = self._add(service, folder)
        done: asyncio.Future[Answer] = self._loop.create_future()
        self._accept(number, None, lambda answer: None if done.done() else done.set_result(answer))
        placed = self._placed[number]
        self._act(self._dispatch.retire(number, self._loop.time()))
        error = (await done).error
        self._sweep()
        if error is None:
            return Loaded(built + placed.console)
        raise endings.unloadable(error, service.key, placed.failure)

    def submit(
        self,
        key: ServiceKey,
        body: bytes,
        answer: Callable[[Answer], None],
        request_id: bytes = b"",
        within_s: float = 0.0,
    ) -> int:
        """See `Execution.submit`."""
        number = self._numbers.get(key)
        if self._stopping:
            answer(Answer(b"", Draining("The node is stopping."), 0.0, 0.0))
        elif number is None:
            answer(Answer(b"", ServiceNotFound(key.name, key.version), 0.0, 0.0))
        else:
            most_s = self._limits.call_s
            call = self._accept(number, body, answer, min(within_s or most_s, most_s))
            if 0.0 < within_s < most_s:
                self._loop.call_later(within_s, self._expire, call, Ending.DEADLINE)
            return call
        return 0

    def abandon(self, ticket: int) -> None:
        """See `Execution.abandon`; one that runs is ended with its worker a second later."""
        if ticket not in self._calls:
            return
        if self._dispatch.census.queueing(ticket):
            self._expire(ticket, Ending.ABANDONED)
        else:
            self._loop.call_later(_ABANDONED_S, self._expire, ticket, Ending.ABANDONED)

    async def probe(self) -> None:
        """See `Execution.probe`; if all workers are at work within their deadlines, that is proof."""
        deadline = self._loop.time() + _PROBE_S
        while (left := deadline - self._loop.time()) > 0 and not self._stopping:
            waiting = self._dispatch.census.waiting()
            if waiting and await self._ping(waiting, left):
                return
            if not waiting:
                if self._dispatch.census.phases()[Phase.BUSY]:
                    return
                await self._change(left)
        raise Unavailable("No worker answered within a second.")

    def capacity(self) -> Capacity:
        """See `Execution.capacity`."""
        phases = self._dispatch.census.phases()
        return Capacity(
            workers=sum(phases.values()) - phases[Phase.STOPPING],
            busy=phases[Phase.BUSY] + phases[Phase.LOADING],
            queued=self._dispatch.census.queued(),
            most=self._limits.most,
        )

    # ---- what workers say ----

    def frame(self, worker: WorkerProcess, kind: int, id_: int, payload: bytes) -> None:
        """See `Owner.frame`."""
        if kind in (frames.RESULT, frames.LAST_RESULT):
            took, body = frames.untimed(payload)
            self._answered(worker, id_, Answer(body, None, 0.0, took), kind == frames.LAST_RESULT)
        elif kind == frames.ERROR:
            self._answered(worker, id_, Answer(b"", refusal(payload), 0.0, 0.0), last=False)
        elif kind == frames.READY:
            self._act(self._dispatch.ready(worker.key, self._loop.time()))
            self._news()
        elif kind in (frames.LOADED, frames.UNLOADABLE) and id_ != worker.loading:
            raise MalformedBody("A worker speaks of a service that is not its own.")
        elif kind == frames.LOADED:
            self._loaded(worker, id_, told(payload, "console", "seconds"))
        elif kind == frames.UNLOADABLE:
            failure = str(told(payload, "text")["text"])
            if id_ in self._placed:
                self._placed[id_].failure = failure
            self._act(self._dispatch.unloadable(worker.key, self._loop.time()))
        elif kind == frames.PONG and id_ in self._pings:
            ping = self._pings.pop(id_)
            if not ping.done():
                ping.set_result(None)

    def ended(self, worker: WorkerProcess) -> None:
        """See `Owner.ended`."""
        number = worker.key
        del self._workers[number]
        if self._closed:
            return
        if number in self._asked:
            self._asked.remove(number)
        else:
            self._ended[Reason.DIED] += 1
            log.warning("worker.died", how=worker.end, worker=number)
        self._dead = worker
        try:
            self._act(self._dispatch.died(number, self._loop.time()))
        finally:
            self._dead = None
        self._sweep()
        self._news()

    # ---- doing ----

    def _add(self, service: Service, folder: Path | None) -> int:
        self._count += 1
        self._placed[self._count] = PlacedService(service, folder)
        self._dispatch.place(self._count)
        return self._count

    def _accept(
        self,
        service: int,
        body: bytes | None,
        answer: Callable[[Answer], None],
        within_s: float = 0.0,
    ) -> int:
        self._count += 1
        call = self._count
        self._calls[call] = PendingCall(service, body, answer, within_s, perf_counter())
        self._act(self._dispatch.call(service, call, self._loop.time()))
        return call

    def _expire(self, call: int, ending: Ending) -> None:
        if call in self._calls and not self._closed:
            self._act(self._dispatch.expire(call, self._loop.time(), ending))

    def _answered(
        self,
        worker: WorkerProcess,
        call: int,
        said: Answer,
        last: bool,
    ) -> None:
        if not self._dispatch.is_head(worker.key, call):
            # Only code that writes to the worker's socket by itself can do that.
            worker.kill()
            return
        now = self._loop.time()
        actions = self._dispatch.answered(worker.key, now, said.executed_s, last=last)
        if actions:
            self._act(actions)
        done = self._calls.pop(call)
        total = perf_counter() - done.came
        took = min(said.executed_s, total)
        done.answer(Answer(said.body, said.error, total - took, took))
        if self._stopping:
            self._news()

    def _act(self, actions: list[Action]) -> None:
        """Carry out *actions*, and see to it that the next `tick` comes in time."""
        for action in actions:
            match action:
                case Send():
                    self._send(action)
                case Load():
                    self._load(action)
                case Start():
                    self._start(action.worker)
                case Stop():
                    self._stop(action)
                case Fail():
                    self._fail(action)
        if self._dispatch.wake_at < self._timer_at:
            self._set_timer(self._dispatch.wake_at)

    def _tick(self) -> None:
        self._timer, self._timer_at = None, math.inf
        self._act(self._dispatch.tick(self._loop.time()))

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not self._closed:
            self._timer, self._timer_at = self._loop.call_at(at, self._tick), at

    def _send(self, action: Send) -> None:
        call = self._calls[action.call]
        if call.body is not None:
            self._workers[action.worker].send(frames.CALL, action.call, call.body)
            return
        # A check asks for no more than a loaded worker.
        self._act(self._dispatch.answered(action.worker, self._loop.time(), 0.0))
        del self._calls[action.call]
        call.answer(Answer(b"", None, 0.0, 0.0))

    def _load(self, action: Load) -> None:
        worker = self._workers[action.worker]
        placed = self._placed[action.service]
        try:
            order = self.orders.service(placed.service, placed.folder, worker.number, worker.folder)
        except OSError as error:
            placed.failure = f"The worker's folder cannot be prepared: {error}."
            worker.kill()
            return
        worker.loading = action.service
        worker.send(frames.LOAD, action.service, order)

    def _loaded(self, worker: WorkerProcess, service: int, said: Mapping[str, object]) -> None:
        placed = self._placed.get(service)
        if placed is not None:
            placed.failure, placed.console = "", str(said["console"])
            log.debug("worker.loaded", service=placed.service.key.path, seconds=said["seconds"])
        self._act(self._dispatch.loaded(worker.key, self._loop.time()))

    def _start(self, number: int) -> None:
        try:
            # Base64 and escapes make an answer longer than what it holds; the worker counts those.
            worker = self.workforce.start(self, number, self._limits.answer + (1 << 20))
        except OSError as error:
            log.warning("worker.not_started", reason=str(error))
            self._act(self._dispatch.died(number, self._loop.time()))
            return
        self._workers[number] = worker

    def _stop(self, action: Stop) -> None:
        self._ended[action.reason] += 1
        self._asked.add(action.worker)
        if action.reason in (Reason.DEADLINE, Reason.LOAD_TIMEOUT, Reason.START_TIMEOUT):
            log.warning("worker.overran", reason=str(action.reason), worker=action.worker)
        self._workers[action.worker].kill()

    def _fail(self, action: Fail) -> None:
        call = self._calls[action.call]
        placed = self._placed[call.service]
        if action.ending is Ending.UNLOADABLE and not placed.failure:
            placed.failure = endings.failure(self._dead, self._limits)
        error = endings.error(action, placed.service.key, placed.failure, self._dead, call.within_s)
        executed = call.within_s if action.ending is Ending.DEADLINE else 0.0
        self._end(action.call, error, executed)

    def _end(self, number: int, error: HermeticError, executed: float) -> None:
        call = self._calls.pop(number)
        waited = max(0.0, perf_counter() - call.came - executed)
        call.answer(Answer(b"", error, waited, executed))
        self._news()

    async def _ping(self, workers: Sequence[int], timeout_s: float) -> bool:
        self._count += 1
        pong = self._pings[self._count] = self._loop.create_future()
        for number in workers:
            self._workers[number].send(frames.PING, self._count, b'{"x":1}')
        try:
            await asyncio.wait_for(pong, timeout_s)
        except TimeoutError:
            return False
        finally:
            self._pings.pop(self._count, None)
        return True

    def _news(self) -> None:
        self._changed.set()

    async def _change(self, timeout_s: float) -> None:
        """Wait until something has changed, or for so long."""
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout_s)

    def _sweep(self) -> None:
        for number in [one for one in self._placed if not self._dispatch.census.knows(one)]:
            if all(call.service != number for call in self._calls.values()):
                del self._placed[number]
