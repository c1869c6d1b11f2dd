"""A host of sessions in memory, and several of them.  Nothing runs: code is one of a few words."""

import asyncio
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hermetic.client.content import Content, whole
from hermetic.client.hosting import SessionArchive
from hermetic.compute.hosting import SessionLimits
from hermetic.errors import (
    BadInput,
    BodyTooLarge,
    BundleRejected,
    Busy,
    Gone,
    NotFound,
    SessionNotFound,
    Unavailable,
)
from hermetic.serving.bundle import MEBIBYTE, Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import check_known, check_new
from tests.support.archives import zipped

DIES = "import os; os._exit(5)"
SPINS = "print('on', flush=True)\nwhile True: pass"
LEAVES_OUT = "g=(one for one in ())"

Contents = dict[str, bytes | None]


@dataclass
class PlayedSession:
    """What is known of one session; an object that cannot be pickled is `None`."""

    runtime: RuntimeKind
    shelves: dict[Shelf, Contents] = field(default_factory=lambda: {one: {} for one in Shelf})
    ran: list[str] = field(default_factory=list)
    console: str = ""
    is_live: bool = False
    is_dead: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    spinning: asyncio.Future[str] | None = None

    @property
    def held(self) -> int:
        return sum(len(data or b"") for shelf in self.shelves.values() for data in shelf.values())


class PlayedSessions:
    """A `SessionHost`.

    `x=1` makes an object of these bytes, `LEAVES_OUT` one that cannot be pickled; `SPINS` runs
    until it is cancelled, `DIES` ends the interpreter.  Only *interpreters* can be started.
    """

    def __init__(self, limits: SessionLimits | None = None, *, interpreters: int = 20) -> None:
        self.limits, self.interpreters = limits or SessionLimits(), interpreters
        self.sessions: dict[str, PlayedSession] = {}
        self.cancelled: list[str] = []
        self.answers = True

    async def open(self, session_id: str, runtime: RuntimeKind) -> None:
        self._answer()
        if not re.fullmatch("[0-9A-Za-z-]{1,64}", session_id):
            raise BadInput(f"{session_id!r} is no id.")
        if session_id in self.sessions:
            return
        if len(self.sessions) >= self.limits.in_all:
            raise Busy("The node has as many sessions as it may: try again later.")
        self.sessions[session_id] = PlayedSession(runtime)

    async def close(self, session_id: str, *, force: bool = False) -> None:
        self._answer()
        session = self.sessions.pop(session_id, None)
        if session is not None and session.spinning is not None:
            session.spinning.set_exception(Gone("The session was closed."))

    async def known(self, session_ids: Collection[str]) -> set[str]:
        self._answer()
        return self.sessions.keys() & session_ids

    async def names(self, session_id: str, shelf: Shelf) -> list[str]:
        async with self._shelf(session_id, shelf) as contents:
            return sorted(contents)

    async def write(
        self, session_id: str, shelf: Shelf, name: str, pieces: AsyncIterator[bytes]
    ) -> None:
        session = self._find(session_id)
        check_new(session.runtime, shelf, name)
        is_taken_over = session.is_live and shelf is Shelf.WORKSPACE
        room = self.limits.live_object if is_taken_over else self.limits.held - session.held
        data = await whole(pieces, most=room)
        async with self._shelf(session_id, shelf) as contents:
            contents[name] = data

    async def read(self, session_id: str, shelf: Shelf, name: str) -> Content:
        async with self._shelf(session_id, shelf) as contents:
            data = contents[_known(contents, name)]
        if data is None:
            raise BadInput(f"The object {name!r} cannot be pickled.")
        return Content.of(data)

    async def delete(self, session_id: str, shelf: Shelf, name: str) -> None:
        async with self._shelf(session_id, shelf) as contents:
            del contents[_known(contents, name)]

    async def execute(
        self, session_id: str, code: str, inputs: Mapping[str, object], outputs: Sequence[str]
    ) -> bytes:
        if not all(name.isidentifier() for name in (*inputs, *outputs)):
            raise BadInput("That is no Python identifier.")
        async with self._shelf(session_id, Shelf.WORKSPACE) as objects:
            session = self._living(session_id)
            if not session.is_live and self._live() >= self.interpreters:
                raise Unavailable("No interpreter could be started.")
            session.is_live = True
            session.ran.append(code)
            objects |= {name: json.dumps(value).encode() for name, value in inputs.items()}
            failure = await self._run(session, code)
            back = [{"name": one, "value": json.loads(objects[one] or b"")} for one in outputs]
            return _answer(failure, [] if failure else back, session.console)

    async def cancel(self, session_id: str) -> None:
        spinning = self._living(session_id).spinning
        self.cancelled.append(session_id)
        if spinning is not None:
            spinning.set_result("KeyboardInterrupt")

    async def console_output(self, session_id: str) -> str:
        return self._living(session_id).console

    async def history(self, session_id: str) -> list[str]:
        return list(self._living(session_id).ran)

    async def keep(self, session_id: str) -> SessionArchive:
        async with self._shelf(session_id, Shelf.WORKSPACE) as objects:
            shelves = self._find(session_id).shelves
            members = {
                f"{shelf}/{name}": data
                for shelf in Shelf
                for name, data in sorted(shelves[shelf].items())
                if data is not None
            }
            left_out = tuple(name for name, data in objects.items() if data is None)
        return SessionArchive(Content.of(zipped(members)), left_out)

    async def fill(self, session_id: str, archive: Content) -> None:
        session = self._find(session_id)
        data = await whole(archive.pieces, most=MEBIBYTE)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as opened:
                members = {name: opened.read(name) for name in opened.namelist()}
        except zipfile.BadZipFile as error:
            raise BundleRejected("That is no archive.") from error
        if session.held + sum(map(len, members.values())) > self.limits.held:
            raise BodyTooLarge("The session would hold more than it may.")
        async with self._shelf(session_id, Shelf.WORKSPACE):
            for path, content in members.items():
                shelf, _, name = path.partition("/")
                session.shelves[Shelf(shelf)][name] = content

    def _answer(self) -> None:
        if not self.answers:
            raise Unavailable("The node does not answer.")

    def _find(self, session_id: str) -> PlayedSession:
        self._answer()
        if session_id not in self.sessions:
            raise SessionNotFound(f"There is no session {session_id!r} on this node.")
        return self.sessions[session_id]

    def _living(self, session_id: str) -> PlayedSession:
        session = self._find(session_id)
        if session.is_dead:
            raise Gone("The session's interpreter died.")
        return session

    def _live(self) -> int:
        return sum(one.is_live for one in self.sessions.values())

    @asynccontextmanager
    async def _shelf(self, session_id: str, shelf: Shelf) -> AsyncIterator[Contents]:
        """Wait for the interpreter, if it is one of its own that is asked for."""
        session = self._find(session_id)
        if shelf is Shelf.FILES:
            yield session.shelves[shelf]
            return
        async with session.turn:
            yield self._living(session_id).shelves[shelf]

    async def _run(self, session: PlayedSession, code: str) -> str:
        session.console = code
        if code == DIES:
            session.is_dead = True
            raise Gone("The session's interpreter died.")
        if code == SPINS:
            session.spinning = asyncio.get_running_loop().create_future()
            try:
                return await session.spinning
            finally:
                session.spinning = None
        name, _, value = code.partition("=")
        is_left_out = code == LEAVES_OUT
        session.shelves[Shelf.WORKSPACE][name.strip()] = None if is_left_out else value.encode()
        return ""


class PlayedHosts:
    """Several machines by their nodes; a `Hosts`.  A new session goes to the first."""

    def __init__(self, **hosts: PlayedSessions) -> None:
        self.hosts = hosts

    async def place(self) -> tuple[str, PlayedSessions]:
        return next(iter(self.hosts.items()))

    async def of(self, node: str) -> PlayedSessions:
        if node not in self.hosts:
            raise Gone(f"The node {node!r} is gone: open a new session.")
        return self.hosts[node]


def _known(contents: Contents, name: str) -> str:
    check_known(name)
    if name not in contents:
        raise NotFound(f"There is nothing called {name!r} in the session.")
    return name


def _answer(failure: str, outputs: list[dict[str, object]], console: str) -> bytes:
    answer = {
        "success": not failure,
        "errorMessage": failure,
        "outputParameters": outputs,
        "consoleOutput": console,
        "changedFiles": [],
    }
    return json.dumps(answer).encode()
