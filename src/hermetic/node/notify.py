"""Telling the service manager how the node is (sd_notify(3)).

Datagrams to the socket that `NOTIFY_SOCKET` names; without one nobody is told.  Never fails: a
manager that does not listen must not keep a node from serving.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress

READY, STOPPING = "READY=1", "STOPPING=1"
_WATCHDOG = "WATCHDOG=1"


class Manager:
    """Whoever started this process and wants to know how it is, if there is somebody."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of an abstract socket (unix(7)).
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_s = _watchdog(environment)

    def tell(self, *lines: str) -> None:
        """Send *lines* such as `READY`, or `status(...)`, as one message."""
        if not self._address:
            return
        with (
            suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as told,
        ):
            told.setblocking(False)
            told.sendto("\n".join(lines).encode(), self._address)

    async def watch(self) -> None:
        """Send signs of life for as long as the loop turns, if the manager wants some."""
        if self._watchdog_s is None:
            return
        while True:
            self.tell(_WATCHDOG)
            # Half of what it waits, as sd_watchdog_enabled(3) recommends.
            await asyncio.sleep(self._watchdog_s / 2)


def reloading(monotonic_s: float) -> str:
    """Return the lines that tell of a start again in place, at that time of the system's clock."""
    return f"RELOADING=1\nMONOTONIC_USEC={int(monotonic_s * 1e6)}"


def status(text: str) -> str:
    """Return the line that `systemctl status` shows."""
    return "STATUS=" + text.replace("\n", " ")


def _watchdog(environment: Mapping[str, str]) -> float | None:
    """Return the seconds after which the manager takes a silent process for dead."""
    wanted, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not wanted.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(wanted) / 1e6 or None
