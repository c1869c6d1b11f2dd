"""The how-to of two machines, followed to the letter on two machines of their own network."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machines import Machine, needs_root, two
from tests.support.product import PASSWORD, until

pytestmark = [pytest.mark.slow, pytest.mark.system, needs_root]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "two-machines.md"
FENCE = re.compile(r"^```sh ([\w ]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOKEN = re.compile(r"\w{16}\.[\w-]{43}\.[0-9a-f]{64}")
WEB, COMPUTE = "web.example.com", "compute-1.example.com"


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    programs = str(Path(sys.executable).parent)
    with two(tmp_path, WEB, COMPUTE) as both:
        for one in both:
            one.variables["PATH"] = f"{programs}:/usr/sbin:/usr/bin:/sbin:/bin"
        both[0].variables |= {"HERMETIC_ADMIN_PASSWORD": PASSWORD, "HERMETIC_PASSWORD": PASSWORD}
        yield both


def test_it_holds_to_the_letter(machines: tuple[Machine, Machine]) -> None:
    web, compute = machines
    by_name = {"web": web, "compute": compute}
    running: list[subprocess.Popen[str]] = []
    seen: list[str] = []
    try:
        for words, lines in FENCE.findall(PAGE.read_text()):
            place, _, starts = words.partition(" ")
            if starts:
                running.append(by_name[place].starts(lines.strip(), "is ready at"))
            elif place == "install":
                compute.variables["ACCOUNT"] = "root"
                seen.append(compute.types(lines))
            else:
                seen.append(_tried(by_name[place], lines))
                if token := TOKEN.search(seen[-1]):  # who reads it types it on the other machine
                    compute.variables["HERMETIC_JOIN_TOKEN"] = token[0]
        assert_served(web, compute, "\n".join(seen))
    finally:
        for one in running:
            with one:
                one.send_signal(signal.SIGTERM)
    assert [one.returncode for one in running] == [0, 0]


def assert_served(web: Machine, compute: Machine, seen: str) -> None:
    assert re.search(rf"https://{COMPUTE}:12805 +ready", seen)
    assert "42" in seen
    assert "All is well" in seen
    unit = (compute.folder / "hermetic-compute.service").read_text()
    assert "Type=notify" in unit
    # The twin: who shows no certificate is not let in, though the port is open.
    stranger = f"curl --silent --cacert hermetic-web/ca.pem https://{COMPUTE}:12805/status || echo kept out"
    assert "kept out" in web.types(stranger)
    log = compute.folder / "log"
    until(lambda: "tls.handshake_refused" in log.read_text())


def _tried(machine: Machine, lines: str) -> str:
    """Type *lines*; a list of nodes until it says ready, as a person would ask again."""
    if "hermetic node list" in lines:
        until(lambda: " ready" in machine.types("hermetic node list"))
    return machine.types(lines)
