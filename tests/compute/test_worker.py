"""What a worker is before it is given anything to do."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.compute import frames
from hermetic.errors import BadInput
from tests.compute.conftest import Rig

Pair = tuple[socket.socket, "subprocess.Popen[bytes]"]


def start(parent: int) -> Pair:
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    with theirs:
        command = [sys.executable, "-I", "-B", "-m", "hermetic.compute.worker"]
        process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(parent)], pass_fds=[theirs.fileno()], env={}
        )
    return ours, process


@pytest.fixture
def worker() -> Iterator[Pair]:
    ours, process = start(os.getpid())
    with ours, process:
        yield ours, process
        process.kill()


def receive(connection: socket.socket) -> tuple[int, int, bytes]:
    reader = frames.FrameReader(1 << 20)
    while True:
        for found in reader.feed(connection.recv(65536)):
            return found


def test_it_says_that_it_is_ready_and_answers_a_ping(worker: Pair) -> None:
    connection, _ = worker
    assert receive(connection)[0] == frames.READY
    connection.sendall(frames.frame(frames.PING, 7, b'{"x":1}'))
    assert receive(connection) == (frames.PONG, 7, b'{"x":1}')


def test_it_ends_when_the_node_closes_the_connection(worker: Pair) -> None:
    connection, process = worker
    receive(connection)
    connection.close()
    assert process.wait(10) == 0


def test_it_ends_at_once_if_its_parent_is_not_the_one_that_started_it() -> None:
    connection, process = start(1)
    with connection, process:
        assert process.wait(10) == 0
        assert connection.recv(1) == b""


def test_a_call_before_a_service_is_loaded_ends_it(worker: Pair) -> None:
    connection, process = worker
    receive(connection)
    connection.sendall(frames.frame(frames.CALL, 1, b"{}"))
    assert process.wait(10) == 70


def test_it_imports_nothing_heavy() -> None:
    program = "import sys, hermetic.compute.worker; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    heavy = {"asyncio", "ssl", "socket", "pathlib", "subprocess", "msgspec", "cryptography"}
    heavy |= {"structlog", "sqlite3", "numpy", "pandas", "dill", "threading", "logging"}
    assert not heavy & set(found)


def test_it_is_small(worker: Pair) -> None:
    connection, process = worker
    receive(connection)
    pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
    assert int(pages) * os.sysconf("SC_PAGESIZE") < 16 << 20


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 900 + b"]" * 900,
        b"[" * 70 + b"]" * 70,
        b"[1.5," + b"9" * 400 + b"]",
        b'["' + b"x" * 1_000_000 + b'"' + b',""' * 10_000 + b"]",
    ],
    ids=["deep", "many-dimensions", "too-large-a-number", "too-much-memory"],
)
async def test_inputs_that_a_library_fails_at_are_refused_and_end_nobody(
    rig: Rig, value: bytes
) -> None:
    code = "import os; r = os.getpid()"
    key = rig.code(code, inputs={"v": "vector"}, outputs={"r": "integer"})
    before = await rig.output(key, "r", v=[1])
    refused = await rig.answer(key, b'{"v":' + value + b"}")
    assert isinstance(refused.error, BadInput)
    assert await rig.output(key, "r", v=[1]) == before
