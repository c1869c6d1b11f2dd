"""Two machines on one: each with a network, a host name and an `/etc/hosts` of its own.

Linux namespaces and a cable between them; takes root.  Ends with the test, whatever becomes of
it, since nothing outside the namespaces is changed but the cable, which goes with them.
"""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.product import environment

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="making network namespaces takes root")
_HOLD = (
    "mount --make-rprivate / && mount --bind {hosts} /etc/hosts && hostname {name}"
    " && ip link set lo up && echo ready && exec sleep infinity"
)


@dataclass
class Machine:
    """One of them: its name, the process that holds it, and the home of whoever works there."""

    name: str
    holder: subprocess.Popen[str]
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def entered(self, *command: str) -> list[str]:
        """Return *command* as it is run on this machine."""
        there = ["nsenter", "-t", str(self.holder.pid), "-n", "-m", "-u", f"--wd={self.folder}"]
        return [*there, *command]

    def types(self, lines: str) -> str:
        """Run *lines* in a shell there, fail if one does, and return what is seen.

        Variables that they export are there the next time.
        """
        kept = self.folder / ".variables"
        script = f"set -e\n{lines}\nexport -p > {kept}\n"
        before = f". {kept}\n" if kept.exists() else ""
        done = subprocess.run(
            self.entered("bash", "-c", before + script),
            cwd=self.folder,
            env=environment(HOME=str(self.folder), **self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def starts(self, lines: str, until: str) -> subprocess.Popen[str]:
        """Start *lines*, one command, in another terminal; wait until it says *until*."""
        with (self.folder / "log").open("w") as log:
            process = subprocess.Popen(
                self.entered("bash", "-c", f". {self.folder / '.variables'}\nexec {lines}"),
                cwd=self.folder,
                env=environment(HOME=str(self.folder), **self.variables),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert process.stdout is not None
        assert any(until in line for line in process.stdout), (self.folder / "log").read_text()
        return process


@contextmanager
def two(folder: Path, first: str, second: str) -> Iterator[tuple[Machine, Machine]]:
    """Have two machines with these names, each of which reaches the other by name."""
    hosts = folder / "hosts"
    network = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
    hosts.write_text(
        f"127.0.0.1 localhost\n::1 localhost\n{network}.1 {first}\n{network}.2 {second}\n"
    )
    machines = [_machine(folder, hosts, name) for name in (first, second)]
    try:
        mark = secrets.token_hex(3)
        _lay_cable(machines, mark, network)
        yield machines[0], machines[1]
    finally:
        for one in machines:
            one.holder.kill()
            one.holder.wait()


def _machine(folder: Path, hosts: Path, name: str) -> Machine:
    place = folder / name
    place.mkdir()
    ends = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--uts"]
    script = _HOLD.format(hosts=hosts, name=name)
    holder = subprocess.Popen([*ends, "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    holder.stdout.close()
    return Machine(name, holder, place)


def _lay_cable(machines: list[Machine], mark: str, network: str) -> None:
    ends = [f"hm{mark}a", f"hm{mark}b"]
    _run("ip", "link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
    for number, (one, end) in enumerate(zip(machines, ends, strict=True), start=1):
        _run("ip", "link", "set", end, "netns", str(one.holder.pid))
        _run(*one.entered("ip", "address", "add", f"{network}.{number}/24", "dev", end))
        _run(*one.entered("ip", "link", "set", end, "up"))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=30)
