"""The border of a worker's call: what runs beyond it is not ours, and may do anything.

Whatever that code raises comes back as a value, told and let go: an error that were kept would
keep every frame it went through, with all that lay in them.  Standard library only.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from hermetic.compute.descendants import end_if_forked
from hermetic.compute.tracebacks import explain

Done = TypeVar("Done")


class Raised(NamedTuple):
    """How foreign code failed: as its author wants to see it, and whether for want of memory."""

    text: str
    wanted_memory: bool


def attempt(work: Callable[[], Done], pid: int) -> Done | Raised:
    """Return what *work* returns, or how it failed.

    *pid* is the worker's own: a fork of it that comes back from *work* ends here, for its
    parent answers already.
    """
    try:
        done = work()
    except BaseException as error:
        # One of the five borders: the code of a service raises what it likes, SystemExit and
        # KeyboardInterrupt among it, and must not end the worker by that.
        end_if_forked(pid, 1)
        return Raised(explain(error), isinstance(error, MemoryError))
    end_if_forked(pid, 0)
    return done
