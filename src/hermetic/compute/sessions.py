"""The interpreters of sessions.

A session is a folder with `files/`, the working directory, and `workspace/`, one file for each
object: its dill bytes.  As long as nothing was executed there is no process, and the files are
the objects, never unpickled.  With the first execution an interpreter starts, takes them in, and
is from then on the only one who knows them.
"""

import asyncio
import contextlib
import json
import os
import secrets
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hermetic.compute import frames
from hermetic.compute.limits import MIB, Limits
from hermetic.compute.orders import Orders, refusal, told
from hermetic.compute.process import WorkerProcess, Workforce
from hermetic.errors import (
    BadInput,
    DeadlineExceeded,
    Gone,
    MalformedBody,
    NotFound,
    SessionNotFound,
    Unavailable,
)

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HISTORY = 1000
_HISTORY_LENGTH = 8 * MIB  # characters; it lies in the node's memory


@dataclass(eq=False)
class _Session:
    folder: Path
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    history: deque[str] = field(default_factory=deque)
    console: str = ""
    worker: WorkerProcess | None = None
    dead: str = ""
    """How its interpreter ended, once it has."""
    asked: int = 0
    """Questions are numbered: the answer to one that nobody waits for any more may still come."""
    question: asyncio.Future[tuple[int, bytes]] | None = None

    def remember(self, code: str) -> None:
        """Add to the history; what is oldest goes when it is too long."""
        self.history.append(code)
        while len(self.history) > _HISTORY or sum(map(len, self.history)) > _HISTORY_LENGTH:
            self.history.popleft()


class SessionInterpreters:
    """Keeps one interpreter, a worker process, for each session that executed something.

    Executions and accesses to objects of one session happen one after the other, in the order in
    which they were asked for.  Every method but `open`, `close` and `has_started` raises
    `SessionNotFound` for a session that is not open, and `Gone` for one whose interpreter died;
    such a session can only be closed.  Whoever waits longer than an execution may take gets
    `DeadlineExceeded`, and the interpreter is ended.

    *workforce* and *orders* are those of the pool, which MUST be started before and stopped
    after.
    """

    def __init__(self, workforce: Workforce, orders: Orders, limits: Limits) -> None:
        self._workforce, self._orders, self._limits = workforce, orders, limits
        self._sessions: dict[str, _Session] = {}
        self._by_key: dict[int, _Session] = {}
        self._count = 0

    def open(self, session_id: str, folder: Path) -> None:
        """Make the session in *folder* known, in which both shelves are.  Starts no process."""
        self._sessions.setdefault(session_id, _Session(folder))

    def close(self, session_id: str) -> None:
        """End the session's interpreter at once, even while it runs; unknown ids are ignored.

        The folder is the caller's, and stays.
        """
        session = self._sessions.pop(session_id, None)
        if session is not None and session.worker is not None:
            session.dead = session.dead or "was closed"
            session.worker.kill()

    def has_started(self, session_id: str) -> bool:
        """Whether the session has an interpreter, alive or dead."""
        session = self._sessions.get(session_id)
        return session is not None and session.worker is not None

    async def execute(
        self, session_id: str, code: str, inputs: Mapping[str, object], outputs: Sequence[str]
    ) -> bytes:
        """Run *code* in the session and return the JSON of the answer; see `SessionHost`.

        Raises:
            BadInput: An input or output is no Python identifier, or nested too deeply.
            Unavailable: No interpreter could be started; the session stays as it was.
        """
        for name in (*inputs, *outputs):
            _parse_name(name)
        order = _order(code, inputs, outputs)
        async with self._turn(session_id) as session:
            await self._start(session)
            session.remember(code)
            session.console = ""
            _, answer = await self._ask(session, frames.EXECUTE, order)
            session.console = str(told(answer, "consoleOutput")["consoleOutput"])
            return answer

    def cancel(self, session_id: str) -> None:
        """Interrupt what runs, as Ctrl-C does; the session stays usable.  May come too late."""
        session = self._living(session_id)
        if session.worker is not None:
            # An interpreter that executes nothing ignores it.
            session.worker.interrupt()

    def console_output(self, session_id: str) -> str:
        """Return what the running execution, or else the last one, has written so far."""
        return self._living(session_id).console

    def history(self, session_id: str) -> Sequence[str]:
        """Return the code of every execution, oldest first; bounded to the newest thousand."""
        return tuple(self._living(session_id).history)

    async def list_objects(self, session_id: str) -> Sequence[str]:
        """Return the names of the objects in the workspace, sorted."""
        async with self._turn(session_id) as session:
            return await self._names(session)

    async def read_object(self, session_id: str, name: str) -> bytes:
        """Return the dill bytes of an object.

        Raises:
            NotFound: There is no object of that name.
            BadInput: The object cannot be pickled, or is too large.
        """
        async with self._turn(session_id) as session:
            if session.worker is None:
                return _path(session, name).read_bytes()
            return await self._object(session, frames.READ, name)

    async def write_object(self, session_id: str, name: str, data: bytes) -> None:
        """Set the object *name* from its dill bytes.

        Raises:
            BadInput: *name* is no Python identifier, or the running interpreter cannot read
                the bytes.  Without an interpreter they are not looked at.
        """
        _parse_name(name)
        async with self._turn(session_id) as session:
            if session.worker is None:
                _write(session.folder / "workspace" / name, data)
            else:
                await self._object(session, frames.WRITE, name, data)

    async def delete_object(self, session_id: str, name: str) -> None:
        """Remove the object, or raise `NotFound`."""
        async with self._turn(session_id) as session:
            if session.worker is None:
                _path(session, name).unlink()
            else:
                await self._object(session, frames.DELETE, name)

    async def dump_workspace(self, session_id: str) -> Sequence[str]:
        """Write every object to `workspace/<name>` and return the names that could not be.

        What cannot be pickled (an open file, a module) is left out.  Without an interpreter the
        files are there already.
        """
        async with self._turn(session_id) as session:
            if session.worker is None:
                return ()
            names = await self._names(session)
            folder = session.folder / "workspace"
            left_out = []
            for name in names:
                try:
                    data = await self._object(session, frames.READ, name)
                except BadInput:
                    left_out.append(name)
                else:
                    await asyncio.to_thread(_write, folder / name, data)
            for path in folder.iterdir():
                if path.name not in names or path.name in left_out:
                    path.unlink()
            return left_out

    # ---- what interpreters say ----

    def frame(self, worker: WorkerProcess, kind: int, id_: int, payload: bytes) -> None:
        """See `Owner.frame`."""
        session = self._by_key.get(worker.key)
        if session is None:
            return
        if kind == frames.CONSOLE:
            session.console = payload.decode("utf-8", "replace")
        elif session.question is not None and not session.question.done() and id_ == session.asked:
            session.question.set_result((kind, payload))

    def ended(self, worker: WorkerProcess) -> None:
        """See `Owner.ended`."""
        session = self._by_key.pop(worker.key)
        session.dead = session.dead or worker.end
        if session.question is not None and not session.question.done():
            session.question.set_exception(self._gone(session))

    # ---- what the methods are made of ----

    def _living(self, session_id: str) -> _Session:
        session = self._sessions.get(session_id)
        if session is None:
            raise SessionNotFound(f"There is no session {session_id[:80]!r} on this node.")
        if session.dead:
            raise self._gone(session)
        return session

    @contextlib.asynccontextmanager
    async def _turn(self, session_id: str) -> AsyncIterator[_Session]:
        """Wait for the session to be free; it may have ended meanwhile."""
        async with self._living(session_id).turn:
            yield self._living(session_id)

    @staticmethod
    def _gone(session: _Session) -> Gone:
        return Gone(f"The session's interpreter {session.dead}; open a new session.")

    async def _start(self, session: _Session) -> None:
        if session.worker is not None:
            return
        if len(self._by_key) >= self._limits.sessions:
            raise Unavailable(
                f"There are {self._limits.sessions} interpreters of sessions already; close one."
            )
        self._count += 1
        self._by_key[self._count] = session
        try:
            worker = self._workforce.start(self, self._count, self._limits.answer + (1 << 20))
        except OSError as error:
            del self._by_key[self._count]
            raise Unavailable(f"No interpreter can be started: {error}.") from error
        session.worker = worker
        order = self._orders.session(session.folder, worker.number, worker.folder)
        await self._answer(session)
        kind, payload = await self._ask(session, frames.LOAD, order)
        if kind != frames.LOADED:
            worker.kill()
            reason = str(told(payload, "text")["text"]).strip().splitlines()[-1]
            session.dead = f"could not be started: {reason}"
            raise self._gone(session)

    async def _ask(self, session: _Session, kind: int, payload: bytes) -> tuple[int, bytes]:
        if session.worker is None or session.dead:
            raise self._gone(session)
        session.asked += 1
        session.worker.send(kind, session.asked, payload)
        return await self._answer(session)

    async def _answer(self, session: _Session) -> tuple[int, bytes]:
        question = session.question = asyncio.get_running_loop().create_future()
        try:
            answer: tuple[int, bytes] = await asyncio.wait_for(question, self._limits.execute_s)
        except TimeoutError:
            if session.worker is not None:
                session.worker.kill()
            raise DeadlineExceeded(
                f"It took longer than {self._limits.execute_s:g} s; the session's interpreter was"
                " ended: open a new session."
            ) from None
        finally:
            session.question = None
        return answer

    async def _names(self, session: _Session) -> Sequence[str]:
        if session.worker is None:
            return sorted(path.name for path in (session.folder / "workspace").iterdir())
        names: list[str] = json.loads(await self._object(session, frames.LIST, ""))
        return [name for name in names if _is_name(name)]

    async def _object(self, session: _Session, kind: int, name: str, data: bytes = b"") -> bytes:
        answer, payload = await self._ask(session, kind, name.encode() + b"\0" + data)
        if answer == frames.ERROR:
            raise refusal(payload)
        return payload


def _order(code: str, inputs: Mapping[str, object], outputs: Sequence[str]) -> bytes:
    try:
        order = json.dumps({"code": code, "inputs": dict(inputs), "outputs": list(outputs)})
    except RecursionError:
        raise MalformedBody("An input is JSON nested too deeply to be passed on.") from None
    return order.encode()


def _is_name(name: str) -> bool:
    return name.isidentifier() and len(name.encode()) <= 200


def _parse_name(name: str) -> None:
    if not _is_name(name):
        raise BadInput(f"{name[:80]!r} cannot name an object: use a Python identifier.")


def _path(session: _Session, name: str) -> Path:
    path = session.folder / "workspace" / name
    if not _is_name(name) or not path.is_file():
        raise NotFound(f"There is no object {name!r} in the session.")
    return path


def _write(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all; never through a link."""
    new = path.with_name(f".{secrets.token_hex(8)}")
    try:
        with open(os.open(new, _NEW_FILE, 0o600), "wb") as file:
            file.write(data)
        new.rename(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
