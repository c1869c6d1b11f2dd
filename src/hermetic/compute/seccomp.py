"""System calls that Landlock leaves open, closed to a worker (seccomp(2)).

Landlock decides on files and signals.  A worker that has the node's user could all the same
make the node's files readable to everybody (`chmod`), starve or end it (`prlimit`, priorities),
and ask other programs of that user for anything: the session bus, a container engine and an
agent with keys all listen on Unix sockets.  A filter sees numbers only, never what a pointer
leads to, so some calls are refused whole.

Standard library only.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Sequence

from hermetic.errors import BadConfiguration

_SET_SECCOMP, _FILTER, _ACTION_AVAILABLE = 22, 2, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER, _MACHINE, _ARGUMENTS = 0, 4, 16
_UNIX, _STREAM, _SEQPACKET, _TYPE_BITS = 1, 1, 5, 0xF
_THE_PROCESS, _IO_PROCESS = 0, 1
# Numbers from here on are calls of another interface of the same machine (x32).
_FOREIGN = 0x40000000

_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# By machine, in the order of `_MACHINES`; `None` where there is no such call.
_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "seccomp": (317, 277),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "truncate": (76, 45),
    "prlimit64": (302, 261),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}

_Step = tuple[int, int, int, int]
"""Operation, steps to skip if true, steps to skip if false, operand."""

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def is_available() -> bool:
    """Whether the running kernel filters system calls, on a machine whose numbers we know."""
    number = _number("seccomp")
    if number is None:
        return False
    action = ctypes.c_uint32(_ERRNO)
    return bool(_libc.syscall(number, _ACTION_AVAILABLE, 0, ctypes.byref(action)) == 0)


def restrict() -> None:
    """Take the calls away from this thread, and from what it starts, for ever.

    Must be called before there are other threads, with no_new_privs set.

    Raises:
        BadConfiguration: The kernel refused.
    """
    steps = program()
    packed = b"".join(struct.pack("=HBBI", *step) for step in steps)
    given = _Program(len(steps), packed)
    if _libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(given), 0, 0) != 0:
        number = ctypes.get_errno()
        raise BadConfiguration(f"The kernel refused to filter calls: {os.strerror(number)}.")


def program() -> Sequence[_Step]:
    """Return the filter, in the instructions of classic BPF."""
    steps: list[_Step] = [
        (_LOAD, 0, 0, _MACHINE),
        (_EQUAL, 1, 0, _MACHINES[os.uname().machine]),
        _refuse(errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _FOREIGN),
        _refuse(errno.ENOSYS),
    ]
    for name, body in _bodies().items():
        number = _number(name)
        if number is not None:
            steps += [(_EQUAL, 0, len(body), number), *body]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _bodies() -> dict[str, list[_Step]]:
    """Return by name of a call what becomes of it."""
    # Told that it was done: libraries that copy a file copy its mode, and give up if they cannot.
    pretended = [_refuse(0)]
    # What every library takes for a file system that has none. An attribute may be an ACL.
    no_attributes = [_refuse(errno.EOPNOTSUPP)]
    # It could do most of the others in the kernel's name; programs do without where it is old.
    absent = [_refuse(errno.ENOSYS)]
    own_only = _unless([(0, _THE_PROCESS)])
    return {
        "socket": [
            (_LOAD, 0, 0, _ARGUMENTS),
            (_EQUAL, 0, 1, _UNIX),
            _refuse(errno.EACCES),
            (_RETURN, 0, 0, _ALLOW),
        ],
        # A pair of streams stays a pair; a datagram may still be sent to anybody.
        "socketpair": [
            (_LOAD, 0, 0, _ARGUMENTS + 8),
            (_AND, 0, 0, _TYPE_BITS),
            (_EQUAL, 2, 0, _STREAM),
            (_EQUAL, 1, 0, _SEQPACKET),
            _refuse(errno.EACCES),
            (_RETURN, 0, 0, _ALLOW),
        ],
        **dict.fromkeys(("chmod", "fchmod", "fchmodat", "fchmodat2"), pretended),
        **dict.fromkeys(("setxattr", "lsetxattr", "fsetxattr", "setxattrat"), no_attributes),
        # Landlock knows it from its third version on. Files that are open can be cut all the same.
        "truncate": [_refuse(errno.EACCES)],
        **dict.fromkeys(
            (
                "prlimit64",
                "sched_setaffinity",
                "sched_setattr",
                "sched_setparam",
                "sched_setscheduler",
            ),
            own_only,
        ),
        "setpriority": _unless([(0, _THE_PROCESS), (1, 0)]),
        "ioprio_set": _unless([(0, _IO_PROCESS), (1, 0)]),
        **dict.fromkeys(("io_uring_setup", "add_key", "request_key", "keyctl"), absent),
    }


def _unless(wanted: Sequence[tuple[int, int]]) -> list[_Step]:
    """Refuse a call unless its arguments, by position, have these values (of 32 bits)."""
    steps: list[_Step] = []
    for position, value in wanted:
        steps += [
            (_LOAD, 0, 0, _ARGUMENTS + 8 * position),
            (_EQUAL, 1, 0, value),
            _refuse(errno.EPERM),
        ]
    return [*steps, (_RETURN, 0, 0, _ALLOW)]


def _refuse(number: int) -> _Step:
    return (_RETURN, 0, 0, _ERRNO | number)


def _number(name: str) -> int | None:
    machine = os.uname().machine
    # An interpreter of 32 bits on the same machine uses other numbers.
    if machine not in _MACHINES or struct.calcsize("P") != 8:
        return None
    return _NUMBERS[name][list(_MACHINES).index(machine)]
