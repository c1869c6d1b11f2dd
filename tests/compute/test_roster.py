"""What the dispatch knows of services and workers."""

from collections import deque

import pytest

from hermetic.compute.roster import (
    ALIVE,
    Phase,
    ServiceState,
    WorkerState,
    is_any_in,
    longest_idle,
    pause,
    starting_for_nobody,
)


def busy(number: int, calls: int, *, extra: bool = False) -> WorkerState:
    return WorkerState(number, 0.0, Phase.BUSY, calls=deque(range(calls)), extra=extra)


def test_the_worker_with_the_fewest_calls_is_the_least_busy() -> None:
    workers = [busy(1, 3), busy(2, 2), busy(3, 2)]
    assert ServiceState(1, workers=workers).least_busy(4) is workers[1]


def test_full_extra_and_loading_workers_take_no_calls_ahead() -> None:
    workers = [busy(1, 4), busy(2, 1, extra=True), WorkerState(3, 0.0, Phase.LOADING)]
    assert ServiceState(1, workers=workers).least_busy(4) is None


def test_a_service_grows_while_a_worker_starts_or_loads() -> None:
    assert ServiceState(1, workers=[WorkerState(1, 0.0, Phase.LOADING)]).is_growing
    assert not ServiceState(1, workers=[busy(1, 1)]).is_growing


def test_a_service_can_part_from_a_worker_it_does_not_have() -> None:
    worker = busy(1, 1)
    service = ServiceState(1, workers=[worker], idle=[worker])
    service.part_from(worker)
    service.part_from(worker)
    assert not service.workers
    assert not service.idle


def test_a_pause_grows_and_is_bounded() -> None:
    assert [pause(n) for n in (0, 1, 2, 50)] == [0.5, 1.0, 2.0, 30.0]


def test_a_service_waits_from_its_third_death_on() -> None:
    service = ServiceState(1)
    waits = []
    for _ in range(4):
        service.ended_a_worker(10.0)
        waits.append(service.retry_at)
    assert waits[2:] == [10.5, 11.0]
    assert max(waits[:2]) < 10.0


def test_a_service_that_did_not_load_waits_at_once() -> None:
    service = ServiceState(1)
    service.did_not_load(10.0)
    assert service.retry_at == 10.5


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.STOPPING])
def test_who_starts_or_stops_is_not_alive(phase: Phase) -> None:
    assert not is_any_in([WorkerState(1, 0.0, phase)], ALIVE)
    assert is_any_in([WorkerState(1, 0.0, phase), busy(2, 1)], ALIVE)


def test_a_worker_that_starts_for_a_service_is_not_given_to_another() -> None:
    taken = WorkerState(1, 0.0, service=ServiceState(1))
    assert starting_for_nobody([taken, busy(2, 1)]) is None
    free = WorkerState(3, 0.0)
    assert starting_for_nobody([taken, free]) is free


def test_room_is_made_by_who_is_idle_longest() -> None:
    mine, other = ServiceState(1), ServiceState(2)
    workers = [
        WorkerState(1, 1.0, Phase.IDLE, mine),
        WorkerState(2, 3.0, Phase.IDLE, other),
        WorkerState(3, 2.0, Phase.IDLE, other),
        WorkerState(4, 0.0, Phase.BUSY, other),
    ]
    assert longest_idle(workers, besides=mine, since=9.0) is workers[2]
    assert longest_idle(workers, besides=mine, since=1.5) is None
