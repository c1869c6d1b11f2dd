"""Landlock: which files a process and all its children may still touch (landlock(7)).

Needs no privileges.  What is not granted is denied, whoever the process is, also to root.
Standard library only.
"""

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Iterator

from hermetic.errors import BadConfiguration

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_EXECUTE, _WRITE, _READ, _READ_DIR = 1, 1 << 1, 1 << 2, 1 << 3
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2

READ = _READ | _READ_DIR
"""Read files, list folders."""
RUN = READ | _EXECUTE
"""Read, list and execute."""
WRITE = (1 << 15) - 1 & ~_EXECUTE
"""Everything but executing and talking to devices."""

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Return the version of Landlock's interface in the running kernel, 0 if there is none."""
    found = _libc.syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    return max(0, int(found))


def scopes_signals(abi: int) -> bool:
    """Whether a confined process can be kept from sending signals to others."""
    return abi >= 6


def restrict(rules: Iterable[tuple[str, int]], *, hidden: str | None = None) -> None:
    """Leave this thread, and what it starts, only what *rules* grant, for ever.

    A path that does not exist is passed over.  Where *hidden* lies below a granted path, that
    path's other entries are granted instead of it.  Must be called before there are other
    threads, with no_new_privs set.

    Raises:
        BadConfiguration: The kernel refused.
    """
    abi = version()
    handled = _handled(abi)
    scoped = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS
    attributes = struct.pack("=QQQ", handled, 0, scoped)[
        : 24 if abi >= 6 else 16 if abi >= 4 else 8
    ]
    ruleset = _checked(_libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0))
    try:
        for path, access in rules:
            for one in _around(os.path.realpath(path), hidden):
                _grant(ruleset, one, access & handled)
        _checked(_libc.syscall(_RESTRICT, ruleset, 0))
    finally:
        os.close(ruleset)


def _handled(abi: int) -> int:
    handled = (1 << 13) - 1
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL)):
        handled |= right if abi >= since else 0
    return handled


def _around(path: str, hidden: str | None) -> Iterator[str]:
    if hidden is None or not f"{hidden}/".startswith(f"{path.rstrip('/')}/"):
        yield path
        return
    if path == hidden:
        return
    with contextlib.suppress(OSError):
        for name in os.listdir(path):
            yield from _around(os.path.join(path, name), hidden)


def _grant(ruleset: int, path: str, access: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            access &= _ON_FILES
        rule = struct.pack("=Qi", access, fd)
        _checked(_libc.syscall(_ADD, ruleset, 1, rule, 0))
    finally:
        os.close(fd)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise BadConfiguration(f"The kernel refused to confine a worker: {os.strerror(number)}.")
    return result
