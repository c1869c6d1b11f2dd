"""What the dispatch knows of services and workers."""

from collections import deque

from hermetic.compute.roster import Phase, ServiceState, WorkerState


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
