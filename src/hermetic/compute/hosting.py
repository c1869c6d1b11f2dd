"""The sessions of this machine: a folder each, and an interpreter once something was executed.

The folders belong to code we do not trust, and objects are bytes: nothing is unpickled here.
A session does not outlive the process that opened it; what its owner wants to keep of it goes
out as a bundle, packed and unpacked by the same bounds as any other.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from hermetic.client.content import Content, whole
from hermetic.client.hosting import SessionArchive
from hermetic.clock import Clock
from hermetic.compute.sessions import SessionInterpreters
from hermetic.errors import BadInput, Busy, NotFound, SessionNotFound
from hermetic.gateway.completion import to_the_end
from hermetic.log import logger
from hermetic.registry.archives import pack, unpack
from hermetic.registry.disk import create_file, full_disk_told, receive, remove_tree
from hermetic.registry.workspaces import Workspace, clear
from hermetic.serving.bundle import MEBIBYTE, Bounds, Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import check_known, check_new, is_id

log = logger(__name__)

_TOLD = 100


@dataclass(frozen=True)
class SessionLimits:
    """How many sessions there may be, and how much each may hold (bytes)."""

    in_all: int = 200
    held: int = 1024 * MEBIBYTE
    # An object for a live interpreter goes to it whole, so it passes through our memory.
    live_object: int = 256 * MEBIBYTE
    idle: timedelta = timedelta(hours=24)


@dataclass
class _Opened:
    id: str
    runtime: RuntimeKind
    workspace: Workspace
    used_at: datetime
    executing: int = 0
    """Executions under way, from before an interpreter is there."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the folder changes or is kept, not while code runs."""


class LocalSessions:
    """Keeps sessions on this machine, in *folder*; a `SessionHost`.

    *interpreters* is nobody else's, and works from `start` until `stop` is through.
    """

    def __init__(
        self,
        folder: Path,
        *,
        interpreters: SessionInterpreters,
        clock: Clock,
        bounds: Bounds | None = None,
        limits: SessionLimits | None = None,
    ) -> None:
        self._folder = folder
        self._interpreters = interpreters
        self._clock = clock
        self._bounds = bounds or Bounds()
        self._limits = limits or SessionLimits()
        self._opened: dict[str, _Opened] = {}

    async def start(self) -> None:
        """Clear away what sessions of an earlier run left behind."""
        await asyncio.to_thread(clear, self._folder)

    async def stop(self) -> None:
        """Close every session."""
        for session_id in list(self._opened):
            await self._end(session_id)

    async def sweep(self) -> None:
        """Close the sessions nobody used for long; to be called now and then."""
        now = self._clock()
        for opened in list(self._opened.values()):
            is_busy = opened.lock.locked() or opened.executing
            if now - opened.used_at >= self._limits.idle and not is_busy:
                await self._end(opened.id)
                log.info("session.idle", session=opened.id, unused_since=opened.used_at)

    async def open(self, session_id: str, runtime: RuntimeKind) -> None:
        """See `SessionHost.open`."""
        if not is_id(session_id):
            raise BadInput(f"{session_id[:80]!r} cannot be a session's id: use a UUID.")
        await to_the_end(self._open(session_id, runtime))

    async def close(self, session_id: str, *, force: bool = False) -> None:
        """See `SessionHost.close`."""
        opened = self._opened.get(session_id)
        if opened is not None and not force:
            async with opened.lock:
                pass
        await to_the_end(self._end(session_id))

    async def known(self, session_ids: Collection[str]) -> set[str]:
        """See `SessionHost.known`."""
        return self._opened.keys() & session_ids

    async def names(self, session_id: str, shelf: Shelf) -> list[str]:
        """See `SessionHost.names`."""
        opened = self._find(session_id)
        if self._is_live(opened, shelf):
            return list(await self._interpreters.list_objects(session_id))
        return await opened.workspace.names(shelf)

    async def write(
        self, session_id: str, shelf: Shelf, name: str, pieces: AsyncIterator[bytes]
    ) -> None:
        """See `SessionHost.write`."""
        check_new(self._find(session_id).runtime, shelf, name)
        async with self._held(session_id) as opened:
            if self._is_live(opened, shelf):
                data = await whole(pieces, most=self._limits.live_object)
                with full_disk_told():
                    await self._interpreters.write_object(session_id, name, data)
            else:
                await opened.workspace.write(shelf, name, pieces)

    async def read(self, session_id: str, shelf: Shelf, name: str) -> Content:
        """See `SessionHost.read`."""
        opened = self._find(session_id)
        check_known(name)
        if self._is_live(opened, shelf):
            return Content.of(await self._interpreters.read_object(session_id, name))
        return Content.within(await opened.workspace.read(shelf, name))

    async def delete(self, session_id: str, shelf: Shelf, name: str) -> None:
        """See `SessionHost.delete`."""
        async with self._held(session_id) as opened:
            check_known(name)
            if self._is_live(opened, shelf):
                await self._interpreters.delete_object(session_id, name)
            else:
                await opened.workspace.delete(shelf, name)

    async def execute(
        self,
        session_id: str,
        code: str,
        inputs: Mapping[str, object],
        outputs: Sequence[str],
    ) -> bytes:
        """See `SessionHost.execute`."""
        # What is being uploaded is waited for: the interpreter takes in what is there.
        async with self._held(session_id) as opened:
            opened.executing += 1
        try:
            return await self._interpreters.execute(session_id, code, inputs, outputs)
        finally:
            opened.executing -= 1
            opened.used_at = self._clock()

    async def cancel(self, session_id: str) -> None:
        """See `SessionHost.cancel`."""
        self._find(session_id)
        self._interpreters.cancel(session_id)

    async def console_output(self, session_id: str) -> str:
        """See `SessionHost.console_output`."""
        self._find(session_id)
        return self._interpreters.console_output(session_id)

    async def history(self, session_id: str) -> list[str]:
        """See `SessionHost.history`."""
        self._find(session_id)
        return list(self._interpreters.history(session_id))

    async def keep(self, session_id: str) -> SessionArchive:
        """See `SessionHost.keep`."""
        left_out: Sequence[str] = ()
        async with self._held(session_id) as opened:
            if self._is_live(opened, Shelf.WORKSPACE):
                with full_disk_told():
                    left_out = await self._interpreters.dump_workspace(session_id)
            file = await asyncio.to_thread(self._packed, opened.workspace.path)
        return SessionArchive(Content.within(file), tuple(left_out[:_TOLD]))

    async def fill(self, session_id: str, archive: Content) -> None:
        """See `SessionHost.fill`."""
        self._find(session_id)
        async with self._unpacked(archive) as tree, self._held(session_id) as opened:
            await opened.workspace.fill(tree, Shelf.FILES)
            if self._is_live(opened, Shelf.WORKSPACE):
                await self._set_objects(session_id, tree)
            else:
                await opened.workspace.fill(tree, Shelf.WORKSPACE)

    # ---- what the methods are made of ----

    def _find(self, session_id: str) -> _Opened:
        opened = self._opened.get(session_id)
        if opened is None:
            raise SessionNotFound(f"There is no session {session_id[:80]!r} on this node.")
        opened.used_at = self._clock()
        return opened

    @asynccontextmanager
    async def _held(self, session_id: str) -> AsyncIterator[_Opened]:
        """Wait until the session may be changed; it may be closed meanwhile, or while it is."""
        async with self._find(session_id).lock:
            opened = self._find(session_id)
            try:
                yield opened
            except NotFound:
                self._find(session_id)  # A file that is missing with all the rest is not the news.
                raise

    def _is_live(self, opened: _Opened, shelf: Shelf) -> bool:
        """Whether what is on *shelf* is the interpreter's, or is about to be."""
        return shelf is Shelf.WORKSPACE and (
            opened.executing > 0 or self._interpreters.has_started(opened.id)
        )

    async def _open(self, session_id: str, runtime: RuntimeKind) -> None:
        if session_id in self._opened:
            return
        if len(self._opened) >= self._limits.in_all:
            raise Busy("The node has as many sessions as it may: try again later.")
        workspace = Workspace(self._folder / session_id, most=self._limits.held)
        # Counted from here on, and not to be had before it is whole.
        opened = self._opened[session_id] = _Opened(session_id, runtime, workspace, self._clock())
        async with opened.lock:
            try:
                await workspace.create()
            except BaseException:
                await self._end(session_id)
                raise
            self._interpreters.open(session_id, workspace.path)

    async def _end(self, session_id: str) -> None:
        opened = self._opened.pop(session_id, None)
        if opened is None:
            return
        self._interpreters.close(session_id)
        try:
            await opened.workspace.remove()
        except OSError as error:
            # It is out of reach already, and the next start clears the folder.
            log.warning("session.not-removed", session=session_id, cause=str(error))

    async def _set_objects(self, session_id: str, tree: Path) -> None:
        kept = Workspace(tree, most=0)
        for name in await kept.names(Shelf.WORKSPACE):
            content = Content.within(await kept.read(Shelf.WORKSPACE, name))
            try:
                data = await whole(content.pieces, most=self._limits.live_object)
            finally:
                await content.close()
            await self._interpreters.write_object(session_id, name, data)

    def _packed(self, folder: Path) -> BinaryIO:
        """Return a bundle of *folder*, in a file without a name that ends with its descriptor."""
        part = self._part()
        with full_disk_told():
            file = create_file(part)
            part.unlink()
            try:
                pack(folder, file, self._bounds)
                file.flush()
            except BaseException:
                file.close()
                raise
        return file

    @asynccontextmanager
    async def _unpacked(self, archive: Content) -> AsyncIterator[Path]:
        """Unpack *archive* for as long as the context lasts."""
        part, tree = self._part(), self._part()
        try:
            with full_disk_told(), create_file(part) as file:
                await receive(archive.pieces, file, most=self._bounds.archive)
                await asyncio.to_thread(unpack, file, tree, self._bounds)
            yield tree
        finally:
            part.unlink(missing_ok=True)
            await asyncio.to_thread(remove_tree, tree)

    def _part(self) -> Path:
        return self._folder / f".part-{secrets.token_hex(8)}"
