"""Worker processes as the node sees them: started, spoken to, listened to, ended.

The node speaks to a worker over a socket pair whose other end the worker inherits: there is no
path anybody else could open.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from hermetic.compute import confine, descendants, frames
from hermetic.compute.descendants import children, kill_tree
from hermetic.compute.folder import remove_tree
from hermetic.compute.sweeping import Sweeper
from hermetic.errors import BodyTooLarge, MalformedBody

_TAIL = 8192
_TAIL_LINES = 20
_READ = 1 << 16
_SWEEP_S = 5.0


class Owner(Protocol):
    """Whoever is told what a worker says, and that it ended."""

    def frame(self, worker: "WorkerProcess", kind: int, id_: int, payload: bytes) -> None:
        """A frame came; MUST NOT raise."""

    def ended(self, worker: "WorkerProcess") -> None:
        """The process has ended; comes once, and nothing after it."""


class WorkerProcess(asyncio.Protocol):
    """One worker: its process, its connection, and the last it wrote to its standard error.

    `key` is its owner's number for it, `number` that of the workforce.
    """

    def __init__(self, key: int, folder: Path, owner: Owner, most: int) -> None:
        self.key, self.folder = key, folder
        self.number = int(folder.name)
        self.owner: Owner = owner
        self.pid = 0
        self.loading = 0  # what it was told to load, by its owner's number
        self.status: int | None = None
        self._reader = frames.FrameReader(most)
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []
        self._tail = bytearray()

    def send(self, kind: int, id_: int, payload: bytes) -> None:
        """Send one frame, or keep it until the connection is made; a dead worker gets nothing."""
        waiting = self._waiting
        waiting.append(frames.frame(kind, id_, payload))
        if len(waiting) == 1 and self._transport is not None:
            # With whatever else this turn of the loop has for it: to wake a worker costs more
            # than all that is done here, and under load every turn has several calls.
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if self._transport is not None and self._waiting:
            self._transport.write(b"".join(self._waiting))
            self._waiting.clear()

    def kill(self) -> None:
        """End the process and everything below it; `Owner.ended` follows."""
        if self.status is None and self.pid:
            kill_tree(self.pid)

    def interrupt(self) -> None:
        """Send what Ctrl-C sends."""
        if self.status is None and self.pid:
            os.kill(self.pid, signal.SIGINT)

    @property
    def last_words(self) -> str:
        """The last lines it, or a program it started, wrote to standard output or error."""
        lines = bytes(self._tail).decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-_TAIL_LINES:])

    @property
    def end(self) -> str:
        """How the process ended, as the end of a sentence."""
        if self.status is None:
            return "stopped answering"
        if self.status >= 0:
            return f"ended with exit code {self.status}"
        try:
            name = signal.Signals(-self.status).name
        except ValueError:
            name = "unknown"
        return f"was ended by signal {-self.status} ({name})"

    def heard(self, data: bytes) -> None:
        """Take in what was written to the standard streams; only the end is kept."""
        self._tail += data[-_TAIL:]
        del self._tail[:-_TAIL]

    def close(self) -> None:
        """Let go of the connection."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what was waiting."""
        # Not isinstance: uvloop's transports do not say that they are asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        if self.status is not None:
            self._transport.abort()
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Hand every frame to the owner; a worker that breaks the frame's rules is killed."""
        try:
            for kind, id_, payload in self._reader.feed(data):
                self.owner.frame(self, kind, id_, payload)
        except (BodyTooLarge, MalformedBody):
            self.kill()

    def connection_lost(self, exc: Exception | None) -> None:
        """Kill a worker that closed its connection: nobody could reach it any more."""
        self.kill()


@dataclass(frozen=True)
class _Watch:
    pidfd: int
    output: int


class Workforce:
    """Starts worker processes in folders of their own below *work*, and buries all they leave."""

    def __init__(self, work: Path, python: str = sys.executable) -> None:
        self._work, self._python = work.absolute(), python
        self._number = 0
        self._sweeper = Sweeper()
        self._workers: dict[int, tuple[WorkerProcess, subprocess.Popen[bytes], _Watch]] = {}
        self._sessions: set[int] = set()
        self._before: set[int] = set()
        self._marked = False
        self._tasks: set[asyncio.Future[None]] = set()
        self._nobody_left = asyncio.Event()

    def begin(self) -> None:
        """Make and empty the folder *work*, and take charge of what workers leave behind.

        From now on this process is the parent of every orphan below it, and closed to the
        inspection of other processes of its user.
        """
        self._work.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Programs of services outlive a node that was killed, though their workers do not.
        descendants.kill(descendants.with_variable(f"HOME={self._work}/"))
        for old in list(self._work.iterdir()):
            # The numbers begin anew, and a large folder must not keep the node from its start.
            self._sweeper.remove(str(old.rename(self._work / f".{secrets.token_hex(8)}")))
        self._before = children(os.getpid())
        self._marked = not _has_no_new_privileges("self")
        confine.adopt_orphans()
        confine.hide_memory()

    async def finish(self) -> None:
        """Kill every worker, and return when all have ended and their folders are gone.

        What cannot be removed in a few seconds is left to the next `begin`.
        """
        for worker, _, _ in list(self._workers.values()):
            worker.kill()
        while self._workers:
            self._nobody_left.clear()
            await self._nobody_left.wait()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._sweeper.finish(_SWEEP_S)
        confine.adopt_orphans(yes=False)
        confine.hide_memory(yes=False)

    def start(self, owner: Owner, key: int, most: int) -> WorkerProcess:
        """Start a worker; *owner*, who knows it as *key*, is told when it is ready, or has ended.

        Takes about 1 ms of the loop: the process is made by vfork, and the parent goes on as
        soon as the interpreter begins to load.  Not in a thread: the kernel ends a worker when
        the *thread* that started it ends.

        Raises:
            OSError: There is no process, descriptor or disk space to be had.
        """
        self._number += 1
        folder = self._work / str(self._number)
        (folder / "home").mkdir(mode=0o700, parents=True)
        folder.chmod(0o700)
        worker = WorkerProcess(key, folder, owner, most)
        ours, theirs = socket.socketpair()
        output, write = os.pipe()
        try:
            process = subprocess.Popen(
                self._command(theirs.fileno()),
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                pass_fds=(theirs.fileno(),),
                env=_environment(folder, self._python),
                cwd=folder,
                start_new_session=True,
            )
        except OSError:
            ours.close()
            os.close(output)
            remove_tree(str(folder))
            raise
        finally:
            theirs.close()
            os.close(write)
        worker.pid = process.pid
        self._sessions.add(process.pid)
        self._watch(worker, process, output)
        self._keep(asyncio.ensure_future(_connect(worker, ours)))
        return worker

    def _command(self, fd: int) -> list[str]:
        # Isolated: neither the working directory nor the environment adds modules.
        module = "hermetic.compute.worker"
        return [self._python, "-I", "-B", "-m", module, str(fd), str(os.getpid())]

    def _watch(self, worker: WorkerProcess, process: subprocess.Popen[bytes], output: int) -> None:
        loop = asyncio.get_running_loop()
        watch = _Watch(os.pidfd_open(process.pid), output)
        os.set_blocking(output, False)
        self._workers[worker.number] = (worker, process, watch)
        loop.add_reader(watch.pidfd, self._on_end, worker.number)
        loop.add_reader(output, self._on_output, worker.number)

    def _on_output(self, number: int) -> None:
        worker, _, watch = self._workers[number]
        data = _read(watch.output)
        if data:
            worker.heard(data)
        elif data == b"":
            asyncio.get_running_loop().remove_reader(watch.output)

    def _on_end(self, number: int) -> None:
        loop = asyncio.get_running_loop()
        worker, process, watch = self._workers.pop(number)
        loop.remove_reader(watch.pidfd)
        loop.remove_reader(watch.output)
        os.close(watch.pidfd)
        worker.status = process.wait()
        # What it wrote last may still be in the pipe: 64 KiB at most, unless a child goes on.
        for _ in range(4):
            if data := _read(watch.output):
                worker.heard(data)
        os.close(watch.output)
        self._bury()
        worker.owner.ended(worker)
        worker.close()
        self._sweeper.remove(str(worker.folder))
        if not self._workers:
            self._nobody_left.set()

    def _bury(self) -> None:
        """Kill and wait for the processes that ended workers left to us."""
        mine = {process.pid for _, process, _ in self._workers.values()} | self._before
        left = False
        for pid in children(os.getpid()) - mine:
            if self._is_stray(pid):
                kill_tree(pid)
                with contextlib.suppress(ChildProcessError):
                    left |= os.waitpid(pid, os.WNOHANG)[0] == 0
        if left:
            asyncio.get_running_loop().call_later(0.05, self._bury)

    def _is_stray(self, pid: int) -> bool:
        """Whether *pid*, a child of this process, comes from a worker: other rooms start some too.

        A worker's descendants can never lose no_new_privs.  Where this process has it as well, it
        tells nothing, and the session they were born into has to do.
        """
        if self._marked:
            return _has_no_new_privileges(str(pid))
        with contextlib.suppress(OSError):
            return os.getsid(pid) in self._sessions
        return False

    def _keep(self, task: asyncio.Future[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _connect(worker: WorkerProcess, connection: socket.socket) -> None:
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_accepted_socket(lambda: worker, connection)
    except OSError:
        connection.close()
        worker.kill()


def _environment(folder: Path, python: str) -> dict[str, str]:
    """Return the whole environment of a worker: nothing of ours, which may hold secrets."""
    return {
        "PATH": f"{Path(python).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "home"),
        "LANG": "C.UTF-8",
        # Workers are the parallelism; threads of each on top of it only get in their way.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMEXPR_NUM_THREADS": "1",
    }


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, _READ)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _has_no_new_privileges(pid: str) -> bool:
    try:
        return "\nNoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
