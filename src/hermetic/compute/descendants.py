"""The processes below a process, and their end; standard library only.

Linux tells the children of a process in `/proc/<pid>/task/<tid>/children`, complete for one
that is stopped or is the caller itself (proc(5)).
"""

import contextlib
import os
import signal

_ROUNDS = 50


def children(pid: int) -> set[int]:
    """Return the ids of the children of *pid*, those that ended and were not waited for included.

    Empty if there is no such process.
    """
    found: set[int] = set()
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        with (
            contextlib.suppress(OSError),
            open(f"/proc/{pid}/task/{thread}/children", "rb") as file,
        ):
            found.update(map(int, file.read().split()))
    return found


def below(pid: int) -> set[int]:
    """Return the ids of everything below *pid*."""
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        new = children(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def kill_tree(pid: int) -> None:
    """Kill *pid*, a child of the caller, and everything below it, even what keeps forking.

    The process itself is stopped first and killed last: as long as it is there, what loses its
    parent becomes its child (it is a subreaper) and stays in sight.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        for _ in range(_ROUNDS):
            if not _kill_all(below(pid)):
                break
        os.kill(pid, signal.SIGKILL)


def reap(spared: set[int]) -> bool:
    """Kill and wait for every child of the caller but *spared*; whether none is left.

    The caller MUST be a subreaper: then a grandchild whose parent ends here becomes a child.
    """
    me = os.getpid()
    for _ in range(_ROUNDS):
        strays = children(me) - spared
        if not strays:
            return True
        _kill_all({one for stray in strays for one in below(stray)} | strays)
        for stray in strays:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(stray, 0)
    return False


def with_variable(entry: str) -> set[int]:
    """Return the ids of the processes that were started with a variable that begins with *entry*.

    The caller is not among them, nor are those it may not look into.
    """
    wanted = b"\0" + entry.encode()
    found = set()
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdecimal() and int(name) != os.getpid():
                with open(f"/proc/{name}/environ", "rb") as file:
                    if wanted in b"\0" + file.read():
                        found.add(int(name))
    return found


def kill(pids: set[int]) -> None:
    """Kill *pids*, whoever's children they are."""
    _kill_all(pids)


def end_if_forked(pid: int, status: int) -> None:
    """End this process, unless it is *pid*: a fork that came back from the code of a service."""
    if os.getpid() != pid:
        os._exit(status)


def _kill_all(pids: set[int]) -> bool:
    """Kill *pids*; whether one of them was still running."""
    running = False
    for pid in pids:
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", "rb") as file:
                state = file.read().rpartition(b") ")[2][:1]
            if state not in b"ZX":
                os.kill(pid, signal.SIGKILL)
                running = True
    return running
