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
from dataclasses import dataclass
from pathlib import Path

from hermetic.config.home import Home, read_record
from hermetic.errors import NotPermitted, Unavailable

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
        """The process that runs it, if one does."""
        record = read_record(self.home.running) or {}
        pid = record.get("pid")
        return pid if isinstance(pid, int) and _lives(pid) else None

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
            if process.poll() is not None or time.monotonic() > end:
                raise Unavailable(f"The {self.kind} does not start: {_last_line(log)}")
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
            os.kill(pid, signal.SIGTERM)
        except PermissionError as error:
            raise NotPermitted(f"Process {pid} is another user's: run as that user.") from error
        end = time.monotonic() + _WITHIN_S
        while _lives(pid):
            if time.monotonic() > end:
                raise Unavailable(f"Process {pid} does not end: look at its log.")
            time.sleep(_LOOK_EVERY_S)

    @property
    def _unit(self) -> str | None:
        """The systemd unit of it, where there is one."""
        role = {"webnode": "web", "computenode": "compute"}.get(self.kind)
        name = f"hermetic-{role}.service"
        return name if role and _SYSTEMD.is_dir() and (_UNITS / name).is_file() else None


def beside(home: Home) -> Home:
    """Return the home of the compute node of the machine whose first home is *home*."""
    return Home(home.root.with_name(f"{home.root.name}-compute"))


def nodes(home: Home, kind: str) -> list[LocalNode]:
    """Return the nodes that were set up: that of *home*, of that kind, and the compute node."""
    found = [LocalNode(kind, home)] if home.settings.exists() else []
    compute = beside(home)
    return [*found, *([LocalNode("computenode", compute)] if compute.settings.exists() else [])]


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1]
    except OSError:
        return False
    return state not in b"ZX"


def _systemctl(word: str, unit: str) -> None:
    program = shutil.which("systemctl") or "/usr/bin/systemctl"
    done = subprocess.run([program, word, unit], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"systemctl {word} {unit} failed: {done.stderr.strip()[-300:]}")


def _own_environment() -> dict[str, str]:
    """Return our variables without what is meant for this command alone."""
    return {name: value for name, value in os.environ.items() if name != "HERMETIC_HOME"}


def _last_line(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return lines[-1][-500:] if lines else f"it said nothing into {log}."
