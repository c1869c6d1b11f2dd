"""The nodes of this machine, as the old commands know them: where they live, and whether they run.

The old tools knew one web node (or one box) and one compute node a machine.  The first lives in
the home, the compute node in a home of its own beside it.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hermetic.config.home import Home, read_record
from hermetic.errors import NotPermitted, Unavailable
from hermetic.node.process import identity_of
from hermetic.node.units import quoted

_SYSTEMD = Path("/run/systemd/system")
_UNITS = Path("/etc/systemd/system")
_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.1
_WORDS = {
    "onebox": ("up",),
    "webnode": ("node", "run", "web"),
    "computenode": ("node", "run", "compute"),
}


@dataclass(frozen=True)
class LocalNode:
    """A node of this machine: `onebox`, `webnode` or `computenode`, and its home."""

    kind: str
    home: Home

    @property
    def pid(self) -> int | None:
        """The process that runs it, if one does.

        A node that was killed leaves its record, and its number may be somebody else's by now.
        """
        record = read_record(self.home.running) or {}
        pid, process = record.get("pid"), record.get("process")
        is_it = isinstance(pid, int) and process is not None and identity_of(pid) == process
        return pid if is_it else None

    def described(self) -> dict[str, object]:
        """Return what is told of it."""
        record = read_record(self.home.running) or {}
        running = self.pid is not None
        return {
            "node": self.kind,
            "home": str(self.home.root),
            "running": running,
            "url": str(record.get("url", "")) if running else "",
        }

    def start(self) -> None:
        """Start it, through systemd where it has a unit, and return when it is ready.

        Raises:
            Unavailable: It does not start; the text ends with what it said last.
        """
        if self.pid is not None:
            return
        if self._unit is not None:
            _systemctl("start", self._unit)
            return
        log = self.home.root / "node.log"
        command = [sys.executable, "-I", "-m", "hermetic.cli.main", *_WORDS[self.kind], "--json"]
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "ab") as file:  # noqa: PTH123 - a descriptor, not a path
            process = subprocess.Popen(
                [*command, "--home", str(self.home.root)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
                env=_own_environment(),
            )
        end = time.monotonic() + _WITHIN_S
        while self.pid != process.pid:
            if process.poll() is not None:
                raise Unavailable(f"The {self.kind} does not start: {_last_line(log)}")
            if time.monotonic() > end:
                process.terminate()  # else it would be there although this was said to have failed
                process.wait()
                raise Unavailable(
                    f"The {self.kind} was not ready within {_WITHIN_S:g} s and was ended: {log}"
                    " tells how far it came."
                )
            time.sleep(_LOOK_EVERY_S)

    def stop(self) -> None:
        """Let it finish what it runs, and return when it has ended.

        Raises:
            NotPermitted: It is somebody else's.
            Unavailable: It does not end.
        """
        if self._unit is not None:
            _systemctl("stop", self._unit)
            return
        pid = self.pid
        if pid is None:
            return
        try:
            _tell_to_end(pid, lambda: self.pid == pid)
        except PermissionError as error:
            raise NotPermitted(f"Process {pid} is another user's: run as that user.") from error
        end = time.monotonic() + _WITHIN_S
        while self.pid == pid:
            if time.monotonic() > end:
                raise Unavailable(f"Process {pid} does not end: look at its log.")
            time.sleep(_LOOK_EVERY_S)

    @property
    def _unit(self) -> str | None:
        return unit_of(self.kind, self.home, _UNITS) if _SYSTEMD.is_dir() else None


def unit_of(kind: str, home: Home, units: Path) -> str | None:
    """Return the name of the systemd unit in *units* that runs such a node in this very *home*."""
    role = {"webnode": "web", "computenode": "compute"}.get(kind)
    path = units / f"hermetic-{role}.service"
    if role is None or not path.is_file():
        return None
    # The unit may write there and nowhere else, so this names its home.
    own = f"ReadWritePaths={quoted(str(home.root))}"
    return path.name if own in path.read_text().splitlines() else None


def beside(home: Home) -> Home:
    """Return the home of the compute node of the machine whose first home is *home*."""
    return Home(home.root.with_name(f"{home.root.name}-compute"))


def nodes(home: Home, kind: str) -> list[LocalNode]:
    """Return the nodes that were set up: that of *home*, of that kind, and the compute node."""
    found = [LocalNode(kind, home)] if home.settings.exists() else []
    compute = beside(home)
    return [*found, *([LocalNode("computenode", compute)] if compute.settings.exists() else [])]


def _tell_to_end(pid: int, is_it: Callable[[], bool]) -> None:
    """Send SIGTERM to *pid* if *is_it* still, and to nobody who gets that number meanwhile."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if is_it():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    finally:
        os.close(descriptor)


def _systemctl(word: str, unit: str) -> None:
    program = shutil.which("systemctl") or "/usr/bin/systemctl"
    done = subprocess.run([program, word, unit], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"systemctl {word} {unit} failed: {done.stderr.strip()[-300:]}")


def _own_environment() -> dict[str, str]:
    """Return our variables without what is meant for this command alone: tokens, say.

    Settings are for the node, and begin with two underscores.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HERMETIC_") or name.startswith("HERMETIC__")
    }


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1][-500:] if lines else f"it said nothing into {log}."
