"""Worker processes as the node sees them."""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermetic.compute import frames, sweeping
from hermetic.compute.process import WorkerProcess, Workforce


class Listener:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[tuple[int, int, bytes]] = asyncio.Queue()
        self.gone: asyncio.Queue[WorkerProcess] = asyncio.Queue()

    def frame(self, worker: WorkerProcess, kind: int, id_: int, payload: bytes) -> None:
        self.frames.put_nowait((kind, id_, payload))

    def ended(self, worker: WorkerProcess) -> None:
        self.gone.put_nowait(worker)


@pytest.fixture
async def workforce(tmp_path: Path) -> AsyncIterator[Workforce]:
    workforce = Workforce(tmp_path / "work")
    workforce.begin()
    yield workforce
    await workforce.finish()


@pytest.fixture
def listener() -> Listener:
    return Listener()


async def test_a_worker_is_started_and_spoken_to(workforce: Workforce, listener: Listener) -> None:
    worker = workforce.start(listener, 5, 1 << 20)
    worker.send(frames.PING, 3, b"[1]")
    found = [await asyncio.wait_for(listener.frames.get(), 10) for _ in range(2)]
    assert [one[0] for one in found] == [frames.READY, frames.PONG]
    assert worker.key == 5


async def test_a_worker_does_not_interrupt_the_node(
    workforce: Workforce, listener: Listener
) -> None:
    worker = workforce.start(listener, 7, 1 << 20)
    await asyncio.wait_for(listener.frames.get(), 10)
    assert os.sched_getscheduler(worker.pid) == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


async def test_the_end_of_a_worker_is_told_with_its_status(
    workforce: Workforce, listener: Listener
) -> None:
    worker = workforce.start(listener, 1, 1 << 20)
    os.kill(worker.pid, signal.SIGTERM)
    assert await asyncio.wait_for(listener.gone.get(), 10) is worker
    assert worker.status == -signal.SIGTERM
    assert worker.end == "was ended by signal 15 (SIGTERM)"


async def test_a_worker_that_was_killed_leaves_no_folder(
    workforce: Workforce, listener: Listener
) -> None:
    worker = workforce.start(listener, 1, 1 << 20)
    assert worker.folder.stat().st_mode & 0o777 == 0o700
    worker.kill()
    await workforce.finish()
    assert not worker.folder.exists()
    workforce.begin()


async def test_a_frame_that_is_too_long_ends_its_worker(
    workforce: Workforce, listener: Listener
) -> None:
    workforce.start(listener, 1, 4)
    worker = await asyncio.wait_for(listener.gone.get(), 10)
    assert worker.status == -signal.SIGKILL


async def test_what_an_earlier_node_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "1" / "call").mkdir(parents=True)
    workforce = Workforce(tmp_path)
    workforce.begin()
    await workforce.finish()
    assert not list(tmp_path.iterdir())


async def test_a_large_folder_of_an_earlier_node_keeps_nobody_from_starting(
    tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "1" / "call").mkdir(parents=True)
    go = threading.Event()
    monkeypatch.setattr(sweeping, "remove_tree", lambda _: go.wait(10))
    workforce = Workforce(tmp_path)
    workforce.begin()
    assert workforce.start(listener, 1, 1 << 20).folder == tmp_path / "1"
    assert (await asyncio.wait_for(listener.frames.get(), 10))[0] == frames.READY
    go.set()
    await workforce.finish()


async def test_an_interpreter_that_cannot_be_started_raises_and_leaves_nothing(
    tmp_path: Path, listener: Listener
) -> None:
    workforce = Workforce(tmp_path, "/nonexistent/python")
    workforce.begin()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(OSError, match="nonexistent"):
        workforce.start(listener, 1, 10)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not list(tmp_path.iterdir())
    await workforce.finish()


def test_only_the_last_lines_are_kept(listener: Listener) -> None:
    worker = WorkerProcess(1, Path("/srv/1"), listener, 10)
    for number in range(10_000):
        worker.heard(b"line %d\n" % number)
    lines = worker.last_words.splitlines()
    assert lines[-1] == "line 9999"
    assert len(lines) == 20
    worker.heard(b"x" * 100_000)
    assert len(worker.last_words) == 8192


async def test_a_program_that_outlived_an_earlier_node_is_ended(tmp_path: Path) -> None:
    folder = tmp_path / "work" / "7" / "home"
    with subprocess.Popen(["sleep", "60"], env={"HOME": str(folder)}) as left:
        workforce = Workforce(tmp_path / "work")
        workforce.begin()
        assert left.wait(10) == -signal.SIGKILL
        await workforce.finish()
