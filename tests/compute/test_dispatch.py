"""The state machine, driven by hand and by hypothesis; no process anywhere."""

from collections.abc import Iterable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hermetic.compute.dispatch import Dispatch
from hermetic.compute.limits import PIPELINED, Limits
from hermetic.compute.roster import Action, Ending, Fail, Load, Phase, Reason, Send, Start, Stop

LIMITS = Limits(initial=1, most=2, ceiling=3, per_service=2, queued=3, call_s=10, queue_s=30)


class Driver:
    """Keeps what a pool would keep, and plays the workers."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.dispatch = Dispatch(limits)
        self.now = 100.0
        self.ended: dict[int, Ending | str] = {}
        self.loads: dict[int, list[int]] = {}
        self.stopped: dict[int, Reason] = {}
        self.log: list[Action] = []
        self.calls = 0
        self.take(self.dispatch.start(self.now))

    def take(self, actions: Iterable[Action]) -> list[Action]:
        actions = list(actions)
        self.log += actions
        for action in actions:
            if isinstance(action, Fail):
                assert action.call not in self.ended
                self.ended[action.call] = action.ending
            elif isinstance(action, Load):
                self.loads.setdefault(action.worker, []).append(action.service)
            elif isinstance(action, Stop):
                assert action.worker not in self.stopped
                self.stopped[action.worker] = action.reason
        return actions

    def place(self, service: int = 1) -> None:
        self.dispatch.place(service)

    def call(self, service: int = 1) -> int:
        self.calls += 1
        self.take(self.dispatch.call(service, self.calls, self.now))
        return self.calls

    def up(self, worker: int) -> None:
        """The worker starts and loads what it is told to."""
        self.take(self.dispatch.ready(worker, self.now))
        if worker in self.loads:
            self.take(self.dispatch.loaded(worker, self.now))

    def load(self, worker: int) -> None:
        self.take(self.dispatch.loaded(worker, self.now))

    def answer(
        self, worker: int, call: int, *, took_s: float | None = None, last: bool = False
    ) -> None:
        assert self.dispatch.is_head(worker, call)
        assert call not in self.ended
        self.ended[call] = "answered"
        if took_s is None:
            took_s = self.now - self.dispatch._workers[worker].since
        self.take(self.dispatch.answered(worker, self.now, took_s, last=last))

    def die(self, worker: int) -> None:
        self.take(self.dispatch.died(worker, self.now))

    def tick(self, after: float = 0.0) -> None:
        self.now += after
        self.take(self.dispatch.tick(self.now))

    def sent(self) -> list[tuple[int, int]]:
        return [(one.worker, one.call) for one in self.log if isinstance(one, Send)]


@pytest.fixture
def driver() -> Driver:
    driver = Driver()
    driver.up(1)
    driver.place()
    return driver


def test_the_first_call_takes_the_blank_worker(driver: Driver) -> None:
    call = driver.call()
    assert driver.loads == {1: [1]}
    driver.load(1)
    assert driver.sent() == [(1, call)]


def test_a_second_call_waits_for_the_worker_that_loads(driver: Driver) -> None:
    driver.call()
    driver.call()
    assert list(driver.loads) == [1]


def test_an_idle_worker_takes_a_call_at_once(driver: Driver) -> None:
    first = driver.call()
    driver.load(1)
    driver.answer(1, first)
    second = driver.call()
    assert driver.sent()[-1] == (1, second)


def test_a_worker_is_added_only_when_a_call_has_waited(driver: Driver) -> None:
    driver.call()
    driver.load(1)
    driver.up(2)
    driver.call()
    driver.tick(0.01)
    assert 2 not in driver.loads
    driver.tick(0.02)
    assert driver.loads[2] == [1]


def test_a_service_takes_no_more_workers_than_it_may() -> None:
    driver = Driver(Limits(initial=3, most=9, per_service=1))
    driver.up(1)
    driver.place()
    driver.call()
    driver.load(1)
    driver.call()
    driver.tick(1)
    assert list(driver.loads) == [1]


def test_quick_calls_are_sent_ahead_up_to_a_bound(driver: Driver) -> None:
    call = driver.call()
    driver.load(1)
    for _ in range(60):
        driver.answer(1, call)
        call = driver.call()
    for _ in range(PIPELINED + 2):
        driver.call()
    assert [one for one in driver.sent() if one[1] >= call] == [
        (1, call + n) for n in range(PIPELINED)
    ]


@pytest.mark.parametrize(("took_s", "loads"), [(0.0001, 1), (0.1, 2)])
def test_only_a_slow_service_gets_more_workers_than_processors(took_s: float, loads: int) -> None:
    driver = Driver(Limits(initial=2, most=9, quick=1, per_service=2))
    driver.up(1)
    driver.up(2)
    driver.place()
    call = driver.call()
    (worker,) = driver.loads
    driver.load(worker)
    for _ in range(60):  # the node itself is slow: what the worker says counts
        driver.now += 0.1
        driver.answer(worker, call, took_s=took_s)
        call = driver.call()
    for _ in range(PIPELINED + 2):
        driver.call()
    driver.tick(1)
    assert len(driver.loads) == loads


def test_slow_calls_are_not_sent_ahead(driver: Driver) -> None:
    first = driver.call()
    driver.load(1)
    driver.call()
    assert driver.sent() == [(1, first)]


def test_a_death_fails_the_head_and_no_other(driver: Driver) -> None:
    first, second = driver.call(), driver.call()
    driver.load(1)
    driver.die(1)
    assert driver.ended == {first: Ending.DIED}
    driver.up(2)
    assert driver.sent()[-1] == (2, second)


def test_an_overrun_ends_the_worker_and_fails_its_head(driver: Driver) -> None:
    call = driver.call()
    driver.load(1)
    driver.tick(9.9)
    assert not driver.stopped
    driver.tick(0.2)
    assert driver.stopped == {1: Reason.DEADLINE}
    assert driver.ended == {call: Ending.DEADLINE}


def test_a_call_that_waits_has_its_deadline_from_when_it_runs(driver: Driver) -> None:
    first, second = driver.call(), driver.call()
    driver.load(1)
    driver.now += 9
    driver.answer(1, first)
    driver.tick(9)
    assert second not in driver.ended
    driver.tick(1.1)
    assert driver.ended[second] is Ending.DEADLINE


def test_a_full_queue_is_busy(driver: Driver) -> None:
    calls = [driver.call() for _ in range(LIMITS.queued + 1)]
    assert driver.ended == {calls[-1]: Ending.BUSY}


def test_a_call_does_not_wait_for_ever(driver: Driver) -> None:
    driver.call()
    driver.load(1)
    for _ in range(3):
        driver.call()
    driver.tick(31)
    assert Ending.BUSY in driver.ended.values()


def test_a_worker_is_never_given_to_another_service(driver: Driver) -> None:
    driver.place(2)
    call = driver.call(1)
    driver.load(1)
    driver.answer(1, call)
    driver.up(2)
    driver.call(2)
    assert driver.loads == {1: [1], 2: [2]}


def test_the_worker_that_rested_longest_makes_room(driver: Driver) -> None:
    for service, worker in ((1, 1), (2, 2)):
        if service == 2:
            driver.place(2)
            driver.up(2)
        call = driver.call(service)
        driver.load(worker)
        driver.answer(worker, call)
        driver.now += 1
    driver.place(3)
    waiting = driver.call(3)
    assert driver.stopped == {1: Reason.ROOM}
    driver.die(1)
    driver.up(3)
    assert driver.sent()[-1] == (3, waiting)


def test_above_the_most_a_service_without_worker_gets_one_for_one_call(driver: Driver) -> None:
    for service in (1, 2):
        if service == 2:
            driver.place(2)
            driver.up(2)
        driver.call(service)
        driver.load(service)
    driver.place(3)
    call = driver.call(3)
    driver.up(3)
    driver.answer(3, call)
    assert driver.stopped == {3: Reason.SPARE}
    driver.place(4)
    driver.place(5)


def test_at_the_ceiling_a_service_without_worker_is_busy() -> None:
    driver = Driver(Limits(initial=1, most=1, ceiling=1))
    driver.up(1)
    driver.place(1)
    driver.place(2)
    driver.call(1)
    driver.load(1)
    assert driver.ended == {}
    call = driver.call(2)
    assert driver.ended == {call: Ending.BUSY}


def test_a_service_that_cannot_load_is_retried_after_a_while(driver: Driver) -> None:
    first = driver.call()
    driver.take(driver.dispatch.unloadable(1, driver.now))
    assert driver.ended == {first: Ending.UNLOADABLE}
    second = driver.call()
    assert driver.ended[second] is Ending.UNLOADABLE
    driver.die(1)
    driver.up(2)
    driver.now += 1
    third = driver.call()
    assert driver.loads[2] == [1]
    driver.load(2)
    assert driver.sent() == [(2, third)]


def test_a_load_that_takes_too_long_is_ended(driver: Driver) -> None:
    call = driver.call()
    driver.tick(LIMITS.load_s + 1)
    assert driver.stopped[1] is Reason.LOAD_TIMEOUT
    assert call in driver.ended


def test_a_service_that_keeps_dying_has_to_wait(driver: Driver) -> None:
    for worker in (1, 2, 3):
        driver.call()
        if worker > 1:
            driver.up(worker)
        else:
            driver.load(1)
        driver.die(worker)
    assert list(driver.ended.values()) == [Ending.DIED] * 3
    assert driver.ended.get(driver.call()) is Ending.UNLOADABLE


def test_without_any_worker_calls_are_refused_at_once() -> None:
    driver = Driver()
    driver.place()
    driver.die(1)
    call = driver.call()
    assert driver.ended == {call: Ending.UNAVAILABLE}


def test_starting_is_tried_again_after_a_while() -> None:
    driver = Driver()
    driver.place()
    driver.die(1)
    assert driver.dispatch.wake_at == pytest.approx(driver.now + 0.1)
    driver.tick(0.2)
    driver.up(2)
    call = driver.call()
    driver.load(2)
    assert driver.sent() == [(2, call)]


def test_a_start_that_takes_too_long_is_ended() -> None:
    driver = Driver()
    driver.tick(LIMITS.start_s + 1)
    assert driver.stopped == {1: Reason.START_TIMEOUT}


def test_a_last_answer_ends_the_worker_and_keeps_what_waits(driver: Driver) -> None:
    first, second = driver.call(), driver.call()
    driver.load(1)
    driver.answer(1, first, last=True)
    assert driver.stopped == {1: Reason.RECYCLED}
    driver.die(1)
    driver.up(2)
    assert driver.sent()[-1] == (2, second)


def test_a_retired_service_ends_its_calls_and_takes_no_more(driver: Driver) -> None:
    first, second = driver.call(), driver.call()
    driver.load(1)
    driver.take(driver.dispatch.retire(1, driver.now))
    refused = driver.call()
    driver.answer(1, first)
    driver.answer(1, second)
    assert driver.ended[refused] is Ending.WITHDRAWN
    assert driver.stopped == {1: Reason.WITHDRAWN}
    assert not driver.dispatch.census.knows(1)


def test_a_worker_nobody_calls_for_is_closed(driver: Driver) -> None:
    call = driver.call()
    driver.load(1)
    driver.answer(1, call)
    driver.tick(LIMITS.idle_s + 1)
    assert driver.stopped[1] is Reason.IDLE


def test_a_queued_call_that_is_abandoned_ends_and_the_others_stay(driver: Driver) -> None:
    first, second, third = driver.call(), driver.call(), driver.call()
    driver.take(driver.dispatch.expire(second, driver.now, Ending.ABANDONED))
    assert driver.ended == {second: Ending.ABANDONED}
    driver.load(1)
    driver.answer(1, first)
    driver.answer(1, third)


def test_a_running_call_that_is_abandoned_ends_with_its_worker(driver: Driver) -> None:
    call = driver.call()
    driver.load(1)
    driver.take(driver.dispatch.expire(call, driver.now, Ending.ABANDONED))
    assert (driver.ended[call], driver.stopped[1]) == (Ending.ABANDONED, Reason.ABANDONED)


def test_a_call_beyond_a_deadline_of_its_own_ends_with_its_worker(driver: Driver) -> None:
    call = driver.call()
    driver.load(1)
    driver.take(driver.dispatch.expire(call, driver.now, Ending.DEADLINE))
    assert (driver.ended[call], driver.stopped[1]) == (Ending.DEADLINE, Reason.DEADLINE)


def test_a_call_that_has_ended_can_expire_no_more(driver: Driver) -> None:
    call = driver.call()
    driver.load(1)
    driver.answer(1, call)
    assert driver.dispatch.expire(call, driver.now, Ending.ABANDONED) == []
    assert driver.stopped == {}


class AnyOrder(RuleBasedStateMachine):
    """Whatever happens in whatever order, no call is lost or ended twice."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver(
            Limits(initial=1, most=3, ceiling=4, per_service=2, queued=4, call_s=5, queue_s=9)
        )
        self.services: set[int] = set()
        self.accepted: set[int] = set()
        self.running: dict[int, list[int]] = {}

    def workers(self, *phases: Phase) -> list[int]:
        return sorted(
            one.number for one in self.driver.dispatch._workers.values() if one.phase in phases
        )

    @rule(service=st.integers(1, 4))
    def place(self, service: int) -> None:
        if not self.driver.dispatch.census.knows(service):
            self.driver.place(service)

    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        if self.driver.calls:
            call = data.draw(st.integers(1, self.driver.calls))
            actions = self.driver.dispatch.expire(call, self.driver.now, Ending.ABANDONED)
            self.driver.take(actions)

    @rule(service=st.integers(1, 4))
    def retire(self, service: int) -> None:
        self.driver.take(self.driver.dispatch.retire(service, self.driver.now))

    @rule(service=st.integers(1, 4))
    def call(self, service: int) -> None:
        self.accepted.add(self.driver.call(service))

    @precondition(lambda self: self.workers(Phase.STARTING))
    @rule(data=st.data())
    def ready(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.workers(Phase.STARTING)))
        self.driver.take(self.driver.dispatch.ready(worker, self.driver.now))

    @precondition(lambda self: self.workers(Phase.LOADING))
    @rule(data=st.data(), works=st.booleans())
    def load(self, data: st.DataObject, *, works: bool) -> None:
        worker = data.draw(st.sampled_from(self.workers(Phase.LOADING)))
        dispatch = self.driver.dispatch
        event = dispatch.loaded if works else dispatch.unloadable
        self.driver.take(event(worker, self.driver.now))

    @precondition(lambda self: self.workers(Phase.BUSY))
    @rule(data=st.data(), last=st.booleans(), taken=st.sampled_from([0.0, 0.0001, 0.1]))
    def answer(self, data: st.DataObject, taken: float, *, last: bool) -> None:
        worker = data.draw(st.sampled_from(self.workers(Phase.BUSY)))
        self.driver.now += taken
        head = self.driver.dispatch._workers[worker].calls[0]
        self.driver.answer(worker, head, last=last)

    @precondition(lambda self: self.workers(*Phase))
    @rule(data=st.data())
    def die(self, data: st.DataObject) -> None:
        self.driver.die(data.draw(st.sampled_from(self.workers(*Phase))))

    @rule(after=st.sampled_from([0.0, 0.03, 1.0, 6.0, 200.0]))
    def tick(self, after: float) -> None:
        self.driver.tick(after)

    @invariant()
    def every_call_is_somewhere_exactly_once(self) -> None:
        dispatch = self.driver.dispatch
        queued = [call for one in dispatch._services.values() for call, _ in one.queue]
        held = [call for one in dispatch._workers.values() for call in one.calls]
        open_calls = queued + held
        assert len(open_calls) == len(set(open_calls))
        assert set(open_calls) == self.accepted - set(self.driver.ended)

    @invariant()
    def there_are_never_too_many_workers(self) -> None:
        assert len(self.driver.dispatch._workers) <= 4

    @invariant()
    def no_worker_serves_two_services(self) -> None:
        assert all(len(set(loads)) == 1 for loads in self.driver.loads.values())

    @invariant()
    def only_a_busy_worker_holds_calls(self) -> None:
        for one in self.driver.dispatch._workers.values():
            assert bool(one.calls) == (one.phase is Phase.BUSY)
            assert len(one.calls) <= PIPELINED

    def teardown(self) -> None:
        """With workers that work, everything comes to its end."""
        for _ in range(200):
            self.driver.tick(0.05)
            for worker in self.workers(Phase.STOPPING):
                self.driver.die(worker)
            for worker in self.workers(Phase.STARTING):
                self.driver.take(self.driver.dispatch.ready(worker, self.driver.now))
            for worker in self.workers(Phase.LOADING):
                self.driver.take(self.driver.dispatch.loaded(worker, self.driver.now))
            for worker in self.workers(Phase.BUSY):
                self.driver.answer(worker, self.driver.dispatch._workers[worker].calls[0])
        assert self.accepted == set(self.driver.ended)


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_in_any_order_no_call_is_lost = AnyOrder.TestCase


def test_a_start_is_asked_for_each_first_worker() -> None:
    driver = Driver(Limits(initial=3))
    assert [one for one in driver.log if isinstance(one, Start)] == [Start(1), Start(2), Start(3)]
