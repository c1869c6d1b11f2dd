"""When something is due in a pool; pure, times in seconds of one steady clock."""

from collections.abc import Iterable, Iterator
from math import inf

from hermetic.compute.limits import Limits
from hermetic.compute.roster import Phase, ServiceState, WorkerState


def due_at(worker: WorkerState, limits: Limits, *, spare: bool) -> float:
    """Return when *worker* has been in its phase for too long.

    *spare* says that blank workers may be closed, because there are more than are kept.
    """
    patience = {
        Phase.STARTING: limits.start_s,
        Phase.LOADING: limits.load_s,
        Phase.BUSY: limits.call_s,
        Phase.IDLE: limits.idle_s,
        Phase.BLANK: limits.idle_s if spare else inf,
        Phase.STOPPING: inf,
    }
    return worker.since + patience[worker.phase]


def moments(
    workers: Iterable[WorkerState],
    services: Iterable[ServiceState],
    limits: Limits,
    now: float,
    *,
    spare: bool,
) -> Iterator[float]:
    """Yield every moment at which the dispatch has to look again."""
    yield from (due_at(worker, limits, spare=spare) for worker in workers)
    for service in services:
        if service.queue:
            at = service.queue[0][1]
            yield at + limits.queue_s
            if (
                len(service.workers) < limits.workers_for(service.recent_s)
                and not service.is_growing
            ):
                # What could not be had at once is asked for again, but not without pause.
                yield max(at + limits.grow_after_s, now + limits.grow_after_s, service.retry_at)
