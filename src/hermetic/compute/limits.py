"""How much of the machine the workers may take, and how long things may last."""

import os
from dataclasses import dataclass, field

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The bounds of a pool and of each of its workers; times in seconds, sizes in bytes."""

    initial: int = 5
    """Blank interpreters made at start, as ML Server's `Pool.InitialSize`."""
    most: int = 80
    """As ML Server's `Pool.MaxSize`; above it a service without any worker still gets one."""
    ceiling: int = 96
    """Never more processes than this, whatever is asked."""
    per_service: int = 16
    """A service takes no more workers than this, so that one cannot take them all."""
    quick: int = field(default_factory=lambda: max(1, len(os.sched_getaffinity(0)) - 1))
    """The same for a service whose calls are quick: those are bound by the processors alone, one
    of which the node needs, and more workers than that only get into each other's way."""
    queued: int = 1000
    """Calls waiting for one service; one more is refused."""
    queue_s: float = 30.0
    """A call that waited this long is refused."""
    call_s: float = 60.0
    """A call's deadline, from the moment its worker turns to it."""
    load_s: float = 120.0
    """Loading has its own limit: a large model is not a slow call (mlflow/mlflow#1537)."""
    start_s: float = 15.0
    """From the start of a process until it says that it is ready."""
    idle_s: float = 1800.0
    """A loaded worker that nobody called for so long is closed."""
    grow_after_s: float = 0.02
    """A service gets one more worker when its oldest call has waited this long."""
    memory: int = 4096 * MIB
    """Address space of a worker (RLIMIT_AS)."""
    file_size: int = 1024 * MIB
    """The largest file a worker can write (RLIMIT_FSIZE)."""
    open_files: int = 1024
    processes: int = 64
    """Processes and threads of a worker; holds only where workers run as users of their own."""
    answer: int = 64 * MIB
    """The longest answer, files included."""
    console: int = MIB
    """Console output kept of one call."""
    sessions: int = 20
    """Interpreters of sessions at one time, beside all these."""
    execute_s: float = 3600.0
    """One execution in a session."""
    body: int = 64 * MIB
    """The longest body of a call; the web part refuses earlier."""

    def workers_for(self, recent_s: float) -> int:
        """Return how many workers a service may have whose calls took *recent_s* of late."""
        return min(self.quick, self.per_service) if recent_s < QUICK_S else self.per_service


PIPELINED = 16
"""Calls given to one worker at once at the most: the next is there when one ends."""
QUICK_S = 0.001
"""What counts as quick.  A call waits behind others at a worker no longer than this together."""


def ahead(recent_s: float) -> int:
    """Return how many calls a worker may hold, where one took *recent_s* of late."""
    return min(PIPELINED, max(1, int(QUICK_S / recent_s))) if recent_s > 0 else PIPELINED
