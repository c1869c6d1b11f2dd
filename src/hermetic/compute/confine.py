"""What a worker gives up before it loads the code of a service.

Everything here is one-way: it holds for the process and all it starts, until they end.
Standard library only.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable
from typing import NamedTuple

from hermetic.compute import landlock, seccomp
from hermetic.errors import BadConfiguration

_PDEATHSIG, _DUMPABLE, _BOUNDING_DROP, _SUBREAPER, _NO_NEW_PRIVILEGES = 1, 4, 24, 36, 38
_AMBIENT, _AMBIENT_CLEAR = 47, 4
_CAPABILITY_VERSION = 0x20080522

_PROGRAMS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store")
# Of /etc only what programs need to find names, certificates and zones: root's workers could
# read /etc/shadow otherwise.
_SETTINGS = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)
# /proc: what could give a secret away there asks ptrace, which Landlock refuses across domains.
_SYSTEM = ("/proc", "/sys/devices/system", "/sys/fs/cgroup", "/dev/random", "/dev/urandom")
# /dev/shm is left out on purpose: it is shared by all, so services could meet there.
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full")

_SHARED_PROCESSES = 4096

_libc = ctypes.CDLL(None, use_errno=True)


class Bounds(NamedTuple):
    """The most a worker may take: bytes, bytes, descriptors, processes of its user."""

    memory: int
    file_size: int
    open_files: int
    processes: int


class Reach(NamedTuple):
    """Which files a worker may touch; absolute paths."""

    own: tuple[str, ...]
    """Folders it reads and writes."""
    readable: tuple[str, ...]
    """What it reads and runs, beside its interpreter and the system's programs."""
    hidden: str | None
    """The folder that holds the secrets of the node; only what is named above is seen of it."""


def available(uid: int | None) -> tuple[str, ...]:
    """Return in words what confinement this machine gives a worker that runs as *uid*."""
    abi = landlock.version()
    words = ["no-new-privileges", "no-capabilities", "resource-limits"]
    if uid is not None:
        words.append("own-user")
    if abi:
        words.append(f"landlock-{abi}")
    if landlock.scopes_signals(abi):
        words.append("signal-scope")
    if seccomp.is_available():
        words.append("seccomp")
    return tuple(words)


def end_with(parent: int) -> None:
    """Let the kernel kill this process when the one that started it ends.

    Ends it at once if *parent* has ended already.  Must be repeated after a change of user.
    """
    _prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def give_way() -> None:
    """Let this process and what it starts run without interrupting others (SCHED_BATCH).

    A worker that is woken would else stop the node in the middle of an answer, and be stopped
    by it in turn: with as many processors as processes, each change costs both their caches.
    """
    # Some containers forbid it, and it is no more than a courtesy.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def adopt_orphans(*, yes: bool = True) -> None:
    """Let what loses its parent below this process become its child, rather than init's."""
    _prctl(_SUBREAPER, int(yes))


def hide_memory(*, yes: bool = True) -> None:
    """Keep other processes of the same user out of this one's memory and environment."""
    _prctl(_DUMPABLE, int(not yes))


def confine(bounds: Bounds, reach: Reach, *, uid: int | None) -> tuple[str, ...]:
    """Give up all that a service has no need of, and return in words what was done.

    *uid* is the user to become, if this process may become another.

    Raises:
        BadConfiguration: The kernel refused a step it claims to know.
    """
    _drop_bounding_set()
    if uid is not None:
        _become(uid)
    _drop_capabilities()
    _prctl(_NO_NEW_PRIVILEGES, 1)
    _limit(bounds, own_user=uid is not None)
    if landlock.version():
        landlock.restrict(_rules(reach), hidden=reach.hidden)
    if seccomp.is_available():
        seccomp.restrict()
    return available(uid)


def _rules(reach: Reach) -> Iterable[tuple[str, int]]:
    interpreter = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    interpreter |= {os.path.dirname(os.path.realpath(sys.executable))}
    interpreter |= {path for path in sys.path if os.path.isabs(path)}
    for path in sorted(interpreter | {*_PROGRAMS, *reach.readable}):
        yield path, landlock.RUN
    for path in (*_SETTINGS, *_SYSTEM):
        yield path, landlock.READ
    for path in (*_DEVICES, *reach.own):
        yield path, landlock.READ | landlock.WRITE


def _drop_bounding_set() -> None:
    number = 0
    while _libc.prctl(_BOUNDING_DROP, number, 0, 0, 0) == 0:
        number += 1


def _become(uid: int) -> None:
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise BadConfiguration(f"A worker cannot become the user {uid}: {error}.") from error


def _drop_capabilities() -> None:
    _libc.prctl(_AMBIENT, _AMBIENT_CLEAR, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    if _libc.capset(header, none) != 0:
        raise BadConfiguration("A worker cannot give up its capabilities: the kernel refused.")


def _limit(bounds: Bounds, *, own_user: bool) -> None:
    limits = [
        (resource.RLIMIT_AS, bounds.memory),
        (resource.RLIMIT_FSIZE, bounds.file_size),
        (resource.RLIMIT_NOFILE, bounds.open_files),
        (resource.RLIMIT_CORE, 0),
    ]
    # Counted over all processes of the user, so where that is the node's, others are counted
    # too: then it stops only what would take the whole machine. Root is not held to it.
    limits.append((resource.RLIMIT_NPROC, bounds.processes if own_user else _SHARED_PROCESSES))
    for what, most in limits:
        _, hard = resource.getrlimit(what)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (bound, bound))


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise BadConfiguration(f"prctl({option}, {value}) was refused: {os.strerror(number)}.")
