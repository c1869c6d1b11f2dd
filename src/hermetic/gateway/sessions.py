"""The life of a session: opened → snapshotted → closed.

Until something is executed, a session is a folder: objects are bytes that came in and go out as
they are.  With the first execution an interpreter takes them over, and from then on is asked
for them.  A session does not outlive the process that opened it; its snapshots do.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from hermetic.access.policy import may_run_code
from hermetic.access.principals import Principal
from hermetic.client.content import Content, whole
from hermetic.client.interpreters import Interpreters
from hermetic.clock import Clock
from hermetic.errors import BadInput, Busy, NotFound, NotPermitted, Unavailable
from hermetic.gateway.completion import to_the_end
from hermetic.log import logger
from hermetic.registry.bundles import BundleArchive
from hermetic.registry.sessions import SessionRegistry
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.registry.workspaces import Workspace, clear
from hermetic.serving.bundle import MEBIBYTE, Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session, Snapshot, check_known, check_new

log = logger(__name__)


@dataclass(frozen=True)
class SessionLimits:
    """How many sessions there may be, and how much each may hold (bytes)."""

    per_owner: int = 20
    in_all: int = 200
    held: int = 1024 * MEBIBYTE
    # An object for a live interpreter goes to it whole, so it passes through our memory.
    live_object: int = 256 * MEBIBYTE
    idle: timedelta = timedelta(hours=24)


@dataclass
class _Opened:
    session: Session
    workspace: Workspace
    used_at: datetime
    is_live: bool = False
    """Whether an interpreter has taken the objects over."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the folder changes or is kept, not while code runs."""


class Sessions:
    """Opens, fills, snapshots and closes sessions.

    A session is seen by its owner alone: to anybody else it is `NotFound`, in every method.
    """

    def __init__(
        self,
        folder: Path,
        *,
        registry: SessionRegistry,
        snapshots: SnapshotRegistry,
        bundles: BundleArchive,
        interpreters: Interpreters,
        clock: Clock,
        limits: SessionLimits | None = None,
    ) -> None:
        self._folder = folder
        self._registry = registry
        self._snapshots = snapshots
        self._bundles = bundles
        self._interpreters = interpreters
        self._clock = clock
        self._limits = limits or SessionLimits()
        self._opened: dict[str, _Opened] = {}

    async def start(self) -> None:
        """Clear away what sessions of an earlier run left behind."""
        await asyncio.to_thread(clear, self._folder)
        for session in await self._registry.all():
            await self._registry.remove(session.id)
            log.info("session.cleared", session=session.id, account=session.owner)

    async def stop(self) -> None:
        """Close every session."""
        for opened in list(self._opened.values()):
            await self._end(opened, "stopping")

    async def sweep(self) -> None:
        """Close the sessions nobody used for long; to be called now and then."""
        now = self._clock()
        for opened in list(self._opened.values()):
            if now - opened.used_at >= self._limits.idle and not opened.lock.locked():
                await self._end(opened, "idle")

    async def open(
        self,
        principal: Principal,
        *,
        runtime: RuntimeKind,
        name: str | None = None,
        snapshot_id: str | None = None,
    ) -> Session:
        """Open a session, filled from a snapshot of the caller's if one is named.

        Raises:
            NotPermitted: The principal only reads.
            NotFound: There is no such snapshot.
            Busy: The principal, or the node, has as many sessions as it may.
        """
        _refuse_reader(principal)
        return await to_the_end(self._open(principal, runtime, name, snapshot_id))

    async def own(self, principal: Principal) -> list[Session]:
        """Return the principal's open sessions, oldest first."""
        return [
            opened.session
            for opened in self._opened.values()
            if opened.session.owner == principal.name
        ]

    async def close(self, principal: Principal, session_id: str, *, force: bool = False) -> None:
        """Close a session and forget what it holds; what it is running is ended.

        An upload or a snapshot under way is awaited, unless *force* is given.
        """
        opened = self._find(principal, session_id)
        if not force:
            async with opened.lock:
                pass
        await to_the_end(self._end(opened, "closed"))

    async def names(self, principal: Principal, session_id: str, shelf: Shelf) -> list[str]:
        """Return the names of the plain files, or of the workspace's objects, sorted.

        Raises:
            Gone: The interpreter that held the objects died.
        """
        opened = self._find(principal, session_id)
        if shelf is Shelf.WORKSPACE and opened.is_live:
            return list(await self._interpreters.list_objects(session_id))
        return await opened.workspace.names(shelf)

    async def write(
        self,
        principal: Principal,
        session_id: str,
        shelf: Shelf,
        name: str,
        pieces: AsyncIterator[bytes],
    ) -> None:
        """Put a file, or a serialised object, into the session, in place of one of that name.

        Raises:
            BadInput: The name is not one plain name.
            BodyTooLarge: It, or the session with it, would be larger than allowed.
            StorageFull: There is no room.
        """
        _refuse_reader(principal)
        opened = self._find(principal, session_id)
        check_new(opened.session.runtime, shelf, name)
        async with opened.lock:
            if shelf is Shelf.WORKSPACE and opened.is_live:
                data = await whole(pieces, most=self._limits.live_object)
                await self._interpreters.write_object(session_id, name, data)
            else:
                await opened.workspace.write(shelf, name, pieces)

    async def read(self, principal: Principal, session_id: str, shelf: Shelf, name: str) -> Content:
        """Return a file, or a serialised object, or raise `NotFound`."""
        opened = self._find(principal, session_id)
        check_known(name)
        if shelf is Shelf.WORKSPACE and opened.is_live:
            data = await self._interpreters.read_object(session_id, name)
            return Content.of(data)
        return Content.within(await opened.workspace.read(shelf, name))

    async def delete(self, principal: Principal, session_id: str, shelf: Shelf, name: str) -> None:
        """Remove a file, or an object, or raise `NotFound`."""
        opened = self._find(principal, session_id)
        check_known(name)
        async with opened.lock:
            if shelf is Shelf.WORKSPACE and opened.is_live:
                await self._interpreters.delete_object(session_id, name)
            else:
                await opened.workspace.delete(shelf, name)

    async def snapshot(
        self, principal: Principal, session_id: str, name: str | None = None
    ) -> Snapshot:
        """Keep what the session holds at this moment.

        Raises:
            BundleRejected: A file's name cannot be kept, or it all is too large.
            StorageFull: There is no room.
        """
        return await to_the_end(self._snapshot(self._find(principal, session_id), name))

    async def load_snapshot(self, principal: Principal, session_id: str, snapshot_id: str) -> None:
        """Merge a snapshot of the caller's into the session; what it names is overwritten.

        Raises:
            NotFound: There is no such snapshot.
            BadInput: It was made with another runtime.
        """
        opened = self._find(principal, session_id)
        snapshot = await self._snapshots.find(principal.name, snapshot_id)
        async with opened.lock:
            await self._fill(opened, snapshot)

    async def execute(
        self,
        principal: Principal,
        session_id: str,
        code: str,
        inputs: Mapping[str, object],
        outputs: Sequence[str],
    ) -> bytes:
        """Run *code* in the session and return the JSON of the answer; see `Interpreters`."""
        _refuse_reader(principal)
        opened = self._find(principal, session_id)
        async with opened.lock:
            was_live, opened.is_live = opened.is_live, True
        try:
            return await self._interpreters.execute(session_id, code, inputs, outputs)
        except Unavailable:
            # No interpreter was started, so the objects are still the folder's.
            opened.is_live = was_live
            raise
        finally:
            opened.used_at = self._clock()

    async def cancel(self, principal: Principal, session_id: str) -> None:
        """Interrupt what the session runs, as well as can be; the session stays."""
        self._find(principal, session_id)
        await self._interpreters.cancel(session_id)

    async def console(self, principal: Principal, session_id: str) -> str:
        """Return what the current or last run wrote."""
        self._find(principal, session_id)
        return self._interpreters.console_output(session_id)

    async def history(self, principal: Principal, session_id: str) -> list[str]:
        """Return the code the session ran, oldest first."""
        self._find(principal, session_id)
        return list(self._interpreters.history(session_id))

    def _find(self, principal: Principal, session_id: str) -> _Opened:
        opened = self._opened.get(session_id)
        if opened is None or opened.session.owner != principal.name:
            raise NotFound(f"You have no session {session_id[:80]!r}: open one first.")
        opened.used_at = self._clock()
        return opened

    async def _open(
        self,
        principal: Principal,
        runtime: RuntimeKind,
        name: str | None,
        snapshot_id: str | None,
    ) -> Session:
        snapshot = None
        if snapshot_id is not None:
            snapshot = await self._snapshots.find(principal.name, snapshot_id)
        if len(await self.own(principal)) >= self._limits.per_owner:
            raise Busy(
                f"You have {self._limits.per_owner} sessions, which is all you may:"
                " close one first."
            )
        if len(self._opened) >= self._limits.in_all:
            raise Busy("The node has as many sessions as it may: try again later.")
        session = Session(str(uuid.uuid4()), name, principal.name, runtime, self._clock())
        workspace = Workspace(self._folder / session.id, most=self._limits.held)
        opened = _Opened(session, workspace, session.created_at)
        # Counted from here on, and not to be had before it is whole.
        self._opened[session.id] = opened
        async with opened.lock:
            try:
                await workspace.create()
                await self._interpreters.open(session.id, workspace.path)
                if snapshot is not None:
                    await self._fill(opened, snapshot)
                await self._registry.add(session)
            except BaseException:
                await self._end(opened, "failed")
                raise
        log.info("session.opened", session=session.id, account=principal.name, runtime=runtime)
        return session

    async def _end(self, opened: _Opened, cause: str) -> None:
        session_id = opened.session.id
        if self._opened.pop(session_id, None) is None:
            return
        await self._interpreters.close(session_id)
        try:
            # First, since on a full disk it makes the room to forget the row.
            await opened.workspace.remove()
        except OSError as error:
            # It is out of reach already, and the next start clears the folder.
            log.warning("session.not-removed", session=session_id, cause=str(error))
        await self._registry.remove(session_id)
        log.info("session.closed", session=session_id, account=opened.session.owner, cause=cause)

    async def _snapshot(self, opened: _Opened, name: str | None) -> Snapshot:
        session = opened.session
        async with opened.lock:
            if opened.is_live:
                left_out = await self._interpreters.dump_workspace(session.id)
                if left_out:
                    log.warning("snapshot.objects-left-out", session=session.id, names=left_out)
            bundle = await self._bundles.pack(opened.workspace.path)
        snapshot = Snapshot(
            str(uuid.uuid4()),
            name,
            session.owner,
            self._clock(),
            session.runtime,
            bundle.digest,
            bundle.size,
            bundle.members,
        )
        await self._snapshots.add(snapshot)
        log.info(
            "session.snapshotted", session=session.id, snapshot=snapshot.id, size=snapshot.size
        )
        return snapshot

    async def _fill(self, opened: _Opened, snapshot: Snapshot) -> None:
        if snapshot.runtime is not opened.session.runtime:
            raise BadInput(
                f"The snapshot was made with {snapshot.runtime}, and the session runs"
                f" {opened.session.runtime}: open a session of that runtime."
            )
        tree = await self._bundles.folder(snapshot.bundle)
        await opened.workspace.fill(tree, Shelf.FILES)
        if not opened.is_live:
            await opened.workspace.fill(tree, Shelf.WORKSPACE)
            return
        kept = Workspace(tree, most=0)
        for name in await kept.names(Shelf.WORKSPACE):
            content = Content.within(await kept.read(Shelf.WORKSPACE, name))
            try:
                data = await whole(content.pieces, most=self._limits.live_object)
            finally:
                await content.close()
            await self._interpreters.write_object(opened.session.id, name, data)


def _refuse_reader(principal: Principal) -> None:
    # Asked at each turn: somebody may have become a Reader since.
    if not may_run_code(principal):
        raise NotPermitted(f"{principal.name!r} is a {principal.role} and may not run code.")
