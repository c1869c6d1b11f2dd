"""Which process is meant by a number: the kernel gives a number to another once it is free."""

from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STATE, _STARTED = 0, 19
"""Where both stand in /proc/PID/stat (proc(5)) behind the name, which may hold anything."""


def identity_of(pid: int) -> str | None:
    """Return a word that no other process ever has; `None` if *pid* is none that still runs.

    It stays through `execve`.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
        boot = _BOOT.read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(b") ")[2].split()
    if fields[_STATE] in {b"Z", b"X"}:
        return None
    return f"{boot}:{pid}:{int(fields[_STARTED])}"
