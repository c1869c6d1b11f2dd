"""When something is due."""

from math import inf

import pytest

from hermetic.compute.limits import Limits
from hermetic.compute.moments import due_at, moments
from hermetic.compute.roster import Phase, ServiceState, WorkerState

LIMITS = Limits(start_s=1, load_s=2, call_s=3, idle_s=4, queue_s=5, grow_after_s=0.5, per_service=1)


@pytest.mark.parametrize(
    ("phase", "after"),
    [
        (Phase.STARTING, 1),
        (Phase.LOADING, 2),
        (Phase.BUSY, 3),
        (Phase.IDLE, 4),
        (Phase.BLANK, 4),
        (Phase.STOPPING, inf),
    ],
)
def test_each_phase_has_its_patience(phase: Phase, after: float) -> None:
    assert due_at(WorkerState(1, 10.0, phase), LIMITS, spare=True) == 10 + after


def test_a_blank_worker_that_is_kept_is_never_due() -> None:
    assert due_at(WorkerState(1, 10.0, Phase.BLANK), LIMITS, spare=False) == inf


def test_a_waiting_call_asks_for_growth_and_then_gives_up() -> None:
    service = ServiceState(1)
    service.queue.append((7, 10.0))
    assert list(moments([], [service], LIMITS, 10.0, spare=False)) == [15.0, 10.5]
    service.workers.append(WorkerState(1, 10.0))
    assert list(moments([], [service], LIMITS, 10.0, spare=False)) == [15.0]
