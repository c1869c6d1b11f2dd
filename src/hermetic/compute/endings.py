"""Sentences for calls that end without an answer."""

import math

from hermetic.compute.limits import Limits
from hermetic.compute.process import WorkerProcess
from hermetic.compute.roster import Ending, Fail
from hermetic.errors import (
    Busy,
    DeadlineExceeded,
    HermeticError,
    NoWorker,
    ServiceNotFound,
    ServiceUnloadable,
    Unavailable,
    WorkerDied,
)
from hermetic.serving.service import ServiceKey


def error(
    fail: Fail, key: ServiceKey, failure: str, dead: WorkerProcess | None, within_s: float
) -> HermeticError:
    """Return what to tell the caller.

    *failure* is why the service does not load, *dead* the worker that ended just now, *within_s*
    the deadline of the call.
    """
    after = max(1, math.ceil(fail.retry_after_s))
    match fail.ending:
        case Ending.DIED:
            return _death(key, dead)
        case Ending.DEADLINE:
            return DeadlineExceeded(
                f"The call took longer than {within_s:g} s; its worker was ended and is being"
                " replaced."
            )
        case Ending.BUSY:
            return Busy("Every worker is busy and the queue is full; try again.", after)
        case Ending.UNLOADABLE:
            reason = failure.strip().splitlines()[-1][:300]
            return Unavailable(
                f"The service {key} cannot be loaded at present: {reason}",
                after,
            )
        case Ending.UNAVAILABLE:
            return NoWorker("No worker can be started at present; try again.", after)
        case Ending.ABANDONED:
            return Unavailable("The caller went away before the call ended.", after)
        case Ending.WITHDRAWN:
            return ServiceNotFound(key.name, key.version)


def unloadable(error: HermeticError, key: ServiceKey, failure: str) -> HermeticError:
    """Return what to tell a publisher whose trial load ended with *error*."""
    if isinstance(error, Unavailable) and not failure:
        return error
    lines = failure.strip().splitlines() or [error.text]
    text = f"{key} cannot be loaded: {lines[-1][:300]}"
    return ServiceUnloadable(text, failure)


def failure(dead: WorkerProcess | None, limits: Limits) -> str:
    """Return why a service did not load, where its code did not say so itself."""
    if dead is None:
        return f"It did not load within {limits.load_s:g} s."
    return f"{dead.last_words}\nIts worker {dead.end}.".lstrip()


def _death(key: ServiceKey, dead: WorkerProcess | None) -> HermeticError:
    if dead is None:
        return WorkerDied(f"The worker of {key} died before it answered.", None)
    words = dead.last_words
    last = f" Its last words: {words.splitlines()[-1][:200]}" if words else ""
    return WorkerDied(
        f"The worker of {key} {dead.end} before it answered.{last}",
        dead.status,
        words,
    )
