"""Attacks from inside a worker: what a service's code, or a pickle of it, must not reach."""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import dill
import pytest

from hermetic.compute import confine, landlock
from hermetic.errors import ServiceUnloadable
from hermetic.serving.service import Entry
from tests.compute.conftest import LIMITS, Rig

needs_landlock = pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")
needs_signal_scope = pytest.mark.skipif(
    not landlock.scopes_signals(landlock.version()), reason="Landlock here does not scope signals"
)

ATTEMPT = """
import os
def attempt(what):
    try:
        what()
    except (PermissionError, FileNotFoundError) as error:
        return "refused"
    return "done"
"""


class Attack:
    """Unpickling it runs the source."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return eval, (self.source,)


async def attempt(rig: Rig, what: str) -> object:
    key = rig.code(f"r = attempt(lambda: {what})", init=ATTEMPT, outputs={"r": "character"})
    return await rig.output(key, "r")


@needs_landlock
@pytest.mark.parametrize("path", ["authority.key", "hermetic.sqlite3"])
async def test_code_cannot_read_the_home(rig: Rig, path: str) -> None:
    (rig.home / path).write_text("secret")
    assert await attempt(rig, f"open({str(rig.home / path)!r}).read()") == "refused"


@needs_landlock
async def test_code_cannot_list_the_home(rig: Rig) -> None:
    assert await attempt(rig, f"os.listdir({str(rig.home)!r})") == "refused"


@needs_landlock
async def test_a_pickle_cannot_read_a_key_when_it_is_loaded(rig: Rig) -> None:
    secret = rig.home / "authority.key"
    secret.write_text("secret")
    data = dill.dumps(Attack(f"open({str(secret)!r}).read()"))
    service = rig.service(Entry(), outputs={"model": "character"})
    with pytest.raises(ServiceUnloadable, match="PermissionError"):
        await rig.pool.check(service, rig.bundle({}, {"model": data}))


@needs_landlock
async def test_code_cannot_write_outside_its_folder(rig: Rig, tmp_path: Path) -> None:
    assert await attempt(rig, f"open({str(tmp_path / 'x')!r}, 'w')") == "refused"
    assert await attempt(rig, "open('/dev/shm/x', 'w')") == "refused"


@needs_landlock
async def test_code_cannot_write_to_its_own_bundle(rig: Rig) -> None:
    bundle = rig.bundle({"a.txt": "one"})
    key = rig.code(
        f"r = attempt(lambda: open({str(bundle / 'files' / 'a.txt')!r}, 'w'))",
        init=ATTEMPT,
        bundle=bundle,
        outputs={"r": "character"},
    )
    assert await rig.output(key, "r") == "refused"


@needs_landlock
async def test_code_cannot_read_the_bundle_of_another_service(rig: Rig) -> None:
    other = rig.bundle({"model.pkl": "secret"}) / "files" / "model.pkl"
    assert await attempt(rig, f"open({str(other)!r}).read()") == "refused"


@needs_landlock
async def test_code_cannot_read_the_folder_of_another_call(rig: Rig) -> None:
    other = rig.code("import os; d = os.getcwd(); open('x', 'w')", "g", outputs={"d": "character"})
    folder = await rig.output(other, "d")
    assert await attempt(rig, f"os.listdir({folder!r})") == "refused"


@needs_landlock
async def test_root_cannot_read_the_passwords_of_the_machine(rig: Rig) -> None:
    assert await attempt(rig, "open('/etc/shadow').read()") == "refused"


@needs_signal_scope
async def test_code_cannot_kill_the_node(rig: Rig) -> None:
    assert await attempt(rig, "os.kill(os.getppid(), 9)") == "refused"


@needs_landlock
async def test_code_cannot_read_the_environment_or_memory_of_the_node(rig: Rig) -> None:
    for name in ("environ", "mem", "maps"):
        assert await attempt(rig, f"open('/proc/%d/{name}' % os.getppid()).read(1)") == "refused"


async def test_code_cannot_open_the_descriptors_of_the_node(rig: Rig) -> None:
    assert await attempt(rig, "os.open('/proc/%d/fd/1' % os.getppid(), 0)") == "refused"


async def test_code_has_no_capabilities_and_can_gain_none(rig: Rig) -> None:
    key = rig.code(
        "s = dict(line.split(':\\t') for line in open('/proc/self/status').read().splitlines()"
        " if ':\\t' in line)\nr = [s['CapEff'], s['CapPrm'], s['NoNewPrivs']]",
        outputs={"r": "vector"},
    )
    assert await rig.output(key, "r") == ["0" * 16, "0" * 16, "1"]


async def test_code_sees_nothing_of_the_nodes_environment(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMETIC_ADMIN_PASSWORD", "secret")
    key = rig.code("import os; names = sorted(os.environ)", outputs={"names": "vector"})
    names = await rig.output(key, "names")
    assert {"HOME", "LANG", "PATH", "TMPDIR"} <= set(names)
    assert not [name for name in names if name.startswith("HERMETIC")]


async def test_programs_that_code_starts_do_not_inherit_the_connection(rig: Rig) -> None:
    key = rig.code(
        "import subprocess\nt = subprocess.run(['ls', '-l', '/proc/self/fd'], close_fds=False,"
        " capture_output=True, text=True).stdout",
        outputs={"t": "character"},
    )
    assert "socket" not in await rig.output(key, "t")


async def test_a_service_may_call_out(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        what = f"__import__('socket').create_connection(('127.0.0.1', {port})).close()"
        assert await attempt(rig, what) == "done"


async def test_a_service_may_write_files_of_its_own(rig: Rig) -> None:
    assert await attempt(rig, "__import__('tempfile').mkstemp()") == "done"


async def test_a_file_may_not_grow_without_bound(rig: Rig) -> None:
    key = rig.code("f = open('big', 'wb')\nfor _ in range(20): f.write(b'x' * 1024 ** 2)")
    assert "File too large" in (await rig.call(key))["errorMessage"]


@pytest.fixture
def open_home() -> Iterator[Path]:
    """A folder that every user can reach, as a home is not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_worker_of_root_becomes_another_user_where_that_can_work(open_home: Path) -> None:
    rig = Rig(open_home, LIMITS)
    await rig.pool.start()
    (open_home / "work").chmod(0o755)
    key = rig.code("import os; open('a', 'w'); uid = os.getuid()", outputs={"uid": "integer"})
    try:
        assert await rig.output(key, "uid") >= 61184
    finally:
        await rig.pool.stop(0)


def test_a_worker_does_not_outlive_a_node_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\nfrom pathlib import Path\n"
        "from hermetic.compute.pool import LocalExecution\n"
        "from hermetic.compute.limits import Limits\n"
        "async def main():\n"
        f"    pool = LocalExecution(Path({str(tmp_path)!r}), limits=Limits(initial=2),"
        f" hidden=Path({str(tmp_path)!r}))\n"
        "    await pool.start()\n"
        "    await pool.probe()\n"
        "    print([w.pid for w in pool._workers.values()], file=sys.stderr, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as node:
        assert node.stderr is not None
        pids = json.loads(node.stderr.readline())
        watched = [os.pidfd_open(pid) for pid in pids]
        node.kill()
    ended = [wait_for(pidfd) for pidfd in watched]
    assert len(ended) == 2
    assert all(ended)


def wait_for(pidfd: int) -> bool:
    found = bool(select.select([pidfd], [], [], 5)[0])
    os.close(pidfd)
    return found


def test_what_a_machine_offers_is_told_in_words() -> None:
    words = confine.available(None)
    assert {"no-new-privileges", "no-capabilities", "resource-limits"} <= set(words)
    assert "own-user" not in words
    assert "own-user" in confine.available(61184)
