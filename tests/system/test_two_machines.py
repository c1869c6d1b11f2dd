"""The how-to of two machines, followed to the letter on two machines of their own network."""

import re
import shutil
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
            elif place == "carry":
                _carry(lines, web, compute)
            elif place == "install":
                compute.variables["ACCOUNT"] = "root"
                seen.append(compute.types(lines))
            else:
                seen.append(_tried(by_name[place], lines))
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
    assert "compute-1.pem" not in {one.name for one in (*web.folder.iterdir(),)}
    # The twin: who shows no certificate is not let in, though the port is open.
    stranger = f"curl --silent --cacert ca.pem https://{COMPUTE}:12805/status || echo kept out"
    shutil.copy(compute.folder / "ca.pem", web.folder)
    assert "kept out" in web.types(stranger)
    log = compute.folder / "log"
    until(lambda: "tls.handshake_refused" in log.read_text())


def _tried(machine: Machine, lines: str) -> str:
    """Type *lines*; a list of nodes until it says ready, as a person would ask again."""
    if "hermetic node list" in lines:
        until(lambda: " ready" in machine.types("hermetic login && hermetic node list"))
    return machine.types(lines)


def _carry(lines: str, web: Machine, compute: Machine) -> None:
    """Bring the files that `scp` names, and do the rest as it is written."""
    copied, rest = lines.split("\n", 1)
    assert copied == f'scp compute-1.pem "$HERMETIC_HOME/ca.pem" {COMPUTE}:'
    for path in ("compute-1.pem", "hermetic-web/ca.pem"):
        shutil.copy(web.folder / path, compute.folder)
    web.types(rest)
