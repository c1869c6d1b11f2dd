"""What a call costs, in the worker alone and through the pool.

Prints microseconds of one trivial call (a number in, a number out) and calls per second.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from hermetic.client.execution import Answer
from hermetic.compute import frames
from hermetic.compute.limits import Limits
from hermetic.compute.orders import Orders
from hermetic.compute.pool import LocalExecution
from hermetic.log import configure
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, RuntimeKind, Service, ServiceKey

SERVICE = Service(
    key=ServiceKey.parse("bench", "1"),
    owner="bench",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    runtime=RuntimeKind.PYTHON,
    entry=Entry(code="y = x + 1"),
    schema=Schema((Parameter.parse("x", "numeric"),), (Parameter.parse("y", "numeric"),)),
)
BODY = b'{"x": 1.5}'


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_one(connection: socket.socket, reader: frames.FrameReader) -> tuple[int, int, bytes]:
    while True:
        for found in reader.feed(connection.recv(65536)):
            return found


def worker_alone(count: int) -> dict[str, float]:
    """Send calls to one worker in bursts of four, and share its processor time among them."""
    ours, theirs = socket.socketpair()
    with theirs, tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "work" / "1"
        (folder / "home").mkdir(parents=True)
        command = [sys.executable, "-I", "-B", "-m", "hermetic.compute.worker"]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(os.getpid())], pass_fds=[theirs.fileno()]
        )
        reader = frames.FrameReader(1 << 20)
        read_one(ours, reader)
        ready = time.perf_counter() - began
        order = Orders(Limits(), [], Path(home)).service(SERVICE, None, 1, folder)
        ours.sendall(frames.frame(frames.LOAD, 1, order))
        read_one(ours, reader)
        burst = frames.frame(frames.CALL, 1, BODY) * 4
        before, began = processor_seconds(process.pid), time.perf_counter()
        answered = 0
        while answered < count:
            ours.sendall(burst)
            got = 0
            while got < 4:
                got += sum(1 for _ in reader.feed(ours.recv(65536)))
            answered += got
        wall = time.perf_counter() - began
        used = processor_seconds(process.pid) - before
        pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
        ours.close()
        process.wait()
    return {
        "ready_ms": ready * 1e3,
        "resident_mb": int(pages) * os.sysconf("SC_PAGESIZE") / 1e6,
        "worker_us": used / answered * 1e6,
        "wall_us": wall / answered * 1e6,
    }


def start_against_python(rounds: int = 20) -> float:
    """Return the least processor time to a ready worker's end, over that of a bare interpreter."""
    bare, worker = [], []
    for _ in range(rounds):
        bare.append(_cost_of([sys.executable, "-I", "-B", "-c", "pass"], []))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.set_inheritable(True)
            ours.shutdown(socket.SHUT_WR)  # what a worker that is ready ends at
            command = [sys.executable, "-I", "-B", "-m", "hermetic.compute.worker"]
            words = [*command, str(theirs.fileno()), str(os.getpid())]
            worker.append(_cost_of(words, [theirs.fileno()]))
            read_one(ours, frames.FrameReader(1 << 20))
    return min(worker) / min(bare)


def _cost_of(command: list[str], descriptors: list[int]) -> float:
    """Return the processor time of *command*, in seconds."""
    process = subprocess.Popen(command, pass_fds=descriptors)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_utime + used.ru_stime


async def through_the_pool(count: int, together: int) -> dict[str, float]:
    """Keep *together* calls in flight, as so many connections would."""
    with tempfile.TemporaryDirectory() as home:
        pool = LocalExecution(
            Path(home) / "work", limits=Limits(initial=2, per_service=1), hidden=Path(home)
        )
        await pool.start()
        pool.place(SERVICE, None)
        await calls(pool, 100, 1)
        before, began = time.process_time(), time.perf_counter()
        await calls(pool, count, together)
        wall, used = time.perf_counter() - began, time.process_time() - before
        await pool.stop(1)
    return {"node_us": used / count * 1e6, "calls_per_s": count / wall}


async def calls(pool: LocalExecution, count: int, together: int) -> None:
    done = asyncio.Event()
    left = [count - together, count]

    def next_one(answer: Answer) -> None:
        assert answer.error is None
        left[1] -= 1
        if left[0] > 0:
            left[0] -= 1
            pool.submit(SERVICE.key, BODY, next_one)
        if not left[1]:
            done.set()

    for _ in range(together):
        pool.submit(SERVICE.key, BODY, next_one)
    await done.wait()


def main() -> None:
    configure(node="bench", level=30)
    found = worker_alone(20_000)
    found["start_x_bare"] = start_against_python()
    found |= uvloop.run(through_the_pool(20_000, 16))
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:12} {value:10.1f}")


if __name__ == "__main__":
    main()
