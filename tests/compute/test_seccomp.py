"""What Landlock leaves open to the node's own user, and the filter closes."""

import os
import resource
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.compute import seccomp
from tests.compute.conftest import Rig

pytestmark = pytest.mark.skipif(
    not seccomp.is_available(), reason="this kernel does not filter system calls"
)

ATTEMPT = """
import os, resource, shutil, socket
def attempt(what):
    try:
        return str(what())
    except OSError as error:
        return type(error).__name__
"""
FILTERED = "import os; from hermetic.compute import confine, seccomp; confine._prctl(38, 1);"


@pytest.fixture
def victim() -> Iterator[int]:
    """The id of a process of the same user that no worker started."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


async def attempt(rig: Rig, what: str) -> object:
    key = rig.code(f"r = attempt(lambda: {what})", init=ATTEMPT, outputs={"r": "character"})
    return await rig.output(key, "r")


async def test_code_cannot_open_the_home_to_other_users(rig: Rig) -> None:
    key = rig.home / "tls.key"
    key.touch(0o600)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (key, rig.home)]
    for path in (key, rig.home):
        await attempt(rig, f"os.chmod({str(path)!r}, 0o777)")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (key, rig.home)] == modes


async def test_code_cannot_open_what_it_reads_to_other_users(rig: Rig) -> None:
    mode = Path(sys.executable).stat().st_mode
    await attempt(rig, f"os.fchmod(os.open({sys.executable!r}, 0), 0o4777)")
    assert Path(sys.executable).stat().st_mode == mode


async def test_code_cannot_give_rights_by_an_attribute(rig: Rig) -> None:
    told = await attempt(rig, f"os.setxattr({str(rig.home)!r}, 'user.x', b'1')")
    assert told == "OSError"


async def test_code_can_copy_a_file_with_its_mode(rig: Rig) -> None:
    what = "shutil.copy2(shutil.copy('/etc/hosts', 'one'), 'two')"
    assert await attempt(rig, what) == "two"


async def test_code_cannot_speak_to_programs_that_trust_the_user(rig: Rig) -> None:
    with socket.socket(socket.AF_UNIX) as bus:
        path = f"{rig.home}/bus"
        bus.bind(path)
        bus.listen()
        what = f"socket.socket(socket.AF_UNIX).connect({path!r})"
        assert await attempt(rig, what) == "PermissionError"


async def test_code_cannot_send_to_programs_through_one_of_a_pair(rig: Rig) -> None:
    for kind in ("SOCK_DGRAM", "SOCK_RAW"):
        what = f"socket.socketpair(socket.AF_UNIX, socket.{kind})"
        assert await attempt(rig, what) == "PermissionError"


async def test_code_can_have_pairs_of_streams_and_networks(rig: Rig) -> None:
    assert await attempt(rig, "len(socket.socketpair())") == "2"
    assert await attempt(rig, "socket.socket(socket.AF_INET6).close()") == "None"


async def test_code_cannot_end_another_process_by_a_limit(rig: Rig, victim: int) -> None:
    before = resource.prlimit(victim, resource.RLIMIT_CPU)
    told = await attempt(rig, f"resource.prlimit({victim}, resource.RLIMIT_CPU, (0, 0))")
    assert told == "PermissionError"
    assert resource.prlimit(victim, resource.RLIMIT_CPU) == before


async def test_code_can_limit_itself(rig: Rig) -> None:
    assert await attempt(rig, "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))") == "None"


async def test_code_cannot_slow_down_others(rig: Rig, victim: int) -> None:
    for what in (
        f"os.setpriority(os.PRIO_PROCESS, {victim}, 19)",
        "os.setpriority(os.PRIO_USER, 0, 19)",
        f"os.sched_setaffinity({victim}, {{0}})",
        f"os.sched_setscheduler({victim}, os.SCHED_IDLE, os.sched_param(0))",
    ):
        assert await attempt(rig, what) == "PermissionError"
    assert os.getpriority(os.PRIO_PROCESS, victim) == 0


async def test_code_can_slow_down_itself(rig: Rig) -> None:
    assert await attempt(rig, "os.nice(1)") == "1"


def test_a_path_cannot_be_cut_off(tmp_path: Path) -> None:
    kept = tmp_path / "database"
    kept.write_text("kept")
    program = f"{FILTERED} seccomp.restrict(); os.truncate({str(kept)!r}, 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert b"PermissionError" in done.stderr
    assert kept.read_text() == "kept"


def test_the_filter_cannot_be_taken_off_or_escaped_by_a_child() -> None:
    child = "import socket; socket.socket(socket.AF_UNIX)"
    program = (
        f"{FILTERED} seccomp.restrict(); import sys; os.execv(sys.executable, ['p','-c',{child!r}])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert b"PermissionError" in done.stderr


def test_every_jump_of_the_program_stays_inside_it() -> None:
    steps = seccomp.program()
    for place, (_, if_true, if_false, _) in enumerate(steps):
        assert place + 1 + max(if_true, if_false) < len(steps) or place == len(steps) - 1
