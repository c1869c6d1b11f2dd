"""The life of a session: opened → snapshotted → closed.

Here is told whose a session is and which machine keeps it; what it holds only that machine
knows, its `SessionHost`.  Nothing of a session is remembered between two requests: the row is
read each time, so that every web node finds what another one opened.

The row is added once the host has the session, and removed once the host has it no more.  So a
row whose host does not know the session means one thing only: the session has ended.
"""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager

from hermetic.access.policy import may_run_code
from hermetic.access.principals import Principal
from hermetic.client.content import Content
from hermetic.client.hosting import SessionHost
from hermetic.clock import Clock
from hermetic.errors import (
    BadInput,
    Gone,
    HermeticError,
    NotPermitted,
    SessionNotFound,
    Unavailable,
)
from hermetic.gateway.completion import to_the_end
from hermetic.gateway.hosts import HERE, Hosts
from hermetic.log import logger
from hermetic.registry.bundles import Bundles
from hermetic.registry.sessions import SessionRegistry
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session, Snapshot

log = logger(__name__)


class Sessions:
    """Opens, fills, snapshots and closes sessions.

    A session is seen by its owner alone: to anybody else it is `NotFound`, in every method.
    Beside what they say, all that ask the session's host raise `Gone` if the session has ended
    with its node or its interpreter, and `Unavailable` if the node does not answer.
    """

    def __init__(
        self,
        hosts: Hosts,
        *,
        registry: SessionRegistry,
        snapshots: SnapshotRegistry,
        bundles: Bundles,
        clock: Clock,
    ) -> None:
        self._hosts = hosts
        self._registry = registry
        self._snapshots = snapshots
        self._bundles = bundles
        self._clock = clock

    async def start(self) -> None:
        """Forget the sessions that this machine kept in an earlier run, and no others."""
        for session in await self._registry.all():
            if session.node == HERE:
                await self._forget(session, "cleared")

    async def sweep(self) -> None:
        """Forget the sessions that their hosts no longer know; to be called now and then."""
        by_node: dict[str, dict[str, Session]] = {}
        for session in await self._registry.all():
            by_node.setdefault(session.node, {})[session.id] = session
        for node, sessions in by_node.items():
            for session_id in await self._ended(node, sessions.keys()):
                await self._forget(sessions[session_id], "ended")

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
            BadInput: The snapshot was made with another runtime.
            Busy: The principal, or the node, has as many sessions as it may.
        """
        _refuse_reader(principal)
        return await to_the_end(self._open(principal, runtime, name, snapshot_id))

    async def own(self, principal: Principal) -> list[Session]:
        """Return the principal's open sessions, oldest first."""
        return await self._registry.own(principal.name)

    async def close(self, principal: Principal, session_id: str, *, force: bool = False) -> None:
        """Close a session and forget what it holds; what it is running is ended.

        An upload or a snapshot under way is awaited, unless *force* is given.
        """
        session = await self._registry.find(principal.name, session_id)
        await to_the_end(self._close(session, force=force))

    async def names(self, principal: Principal, session_id: str, shelf: Shelf) -> list[str]:
        """Return the names of the plain files, or of the workspace's objects, sorted."""
        async with self._asked(principal, session_id) as (_, host):
            return await host.names(session_id, shelf)

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
        async with self._asked(principal, session_id) as (_, host):
            await host.write(session_id, shelf, name, pieces)

    async def read(self, principal: Principal, session_id: str, shelf: Shelf, name: str) -> Content:
        """Return a file, or a serialised object, or raise `NotFound`; the caller closes it."""
        async with self._asked(principal, session_id) as (_, host):
            return await host.read(session_id, shelf, name)

    async def delete(self, principal: Principal, session_id: str, shelf: Shelf, name: str) -> None:
        """Remove a file, or an object, or raise `NotFound`."""
        async with self._asked(principal, session_id) as (_, host):
            await host.delete(session_id, shelf, name)

    async def execute(
        self,
        principal: Principal,
        session_id: str,
        code: str,
        inputs: Mapping[str, object],
        outputs: Sequence[str],
    ) -> bytes:
        """Run *code* in the session and return the JSON of the answer; see `SessionHost`."""
        _refuse_reader(principal)
        async with self._asked(principal, session_id) as (_, host):
            return await host.execute(session_id, code, inputs, outputs)

    async def cancel(self, principal: Principal, session_id: str) -> None:
        """Interrupt what the session runs, as well as can be; the session stays."""
        async with self._asked(principal, session_id) as (_, host):
            await host.cancel(session_id)

    async def console(self, principal: Principal, session_id: str) -> str:
        """Return what the current or last run wrote."""
        async with self._asked(principal, session_id) as (_, host):
            return await host.console_output(session_id)

    async def history(self, principal: Principal, session_id: str) -> list[str]:
        """Return the code the session ran, oldest first."""
        async with self._asked(principal, session_id) as (_, host):
            return await host.history(session_id)

    async def snapshot(
        self, principal: Principal, session_id: str, name: str | None = None
    ) -> Snapshot:
        """Keep what the session holds at this moment.

        Raises:
            BundleRejected: A file's name cannot be kept, or it all is too large.
            StorageFull: There is no room.
        """
        return await to_the_end(self._snapshot(principal, session_id, name))

    async def load_snapshot(self, principal: Principal, session_id: str, snapshot_id: str) -> None:
        """Merge a snapshot of the caller's into the session; what it names is overwritten.

        Raises:
            NotFound: There is no such snapshot.
            BadInput: It was made with another runtime.
        """
        async with self._asked(principal, session_id) as (session, host):
            snapshot = await self._snapshots.find(principal.name, snapshot_id)
            await self._fill(host, session, snapshot)

    # ---- what the methods are made of ----

    @asynccontextmanager
    async def _asked(
        self, principal: Principal, session_id: str
    ) -> AsyncIterator[tuple[Session, SessionHost]]:
        """Find a session and its host; what the host knows no more is forgotten here too."""
        session = await self._registry.find(principal.name, session_id)
        try:
            host = await self._hosts.of(session.node)
        except Gone:
            await self._forget(session, "node gone")
            raise
        try:
            yield session, host
        except SessionNotFound as error:
            await self._forget(session, "ended")
            raise Gone(
                f"The session {session.id!r} has ended, with its node or since nobody used it:"
                " open a new session."
            ) from error

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
        node, host = await self._hosts.place()
        session = Session(str(uuid.uuid4()), name, principal.name, runtime, self._clock(), node)
        try:
            await host.open(session.id, runtime)
            await self._registry.add(session)
            if snapshot is not None:
                await self._fill(host, session, snapshot)
        except BaseException:
            await self._undo(host, session)
            raise
        log.info(
            "session.opened",
            session=session.id,
            account=session.owner,
            runtime=runtime,
            at=node,
        )
        return session

    async def _undo(self, host: SessionHost, session: Session) -> None:
        await self._registry.remove(session.id)
        try:
            await host.close(session.id, force=True)
        except HermeticError as error:
            # What kept it from opening is the news; the host closes by itself what nobody uses.
            log.warning("session.not-closed", session=session.id, cause=error.text)

    async def _close(self, session: Session, *, force: bool) -> None:
        try:
            host = await self._hosts.of(session.node)
        except Gone:
            pass  # and the session with it, as was asked
        else:
            await host.close(session.id, force=force)
        await self._forget(session, "closed")

    async def _snapshot(self, principal: Principal, session_id: str, name: str | None) -> Snapshot:
        async with self._asked(principal, session_id) as (session, host):
            kept = await host.keep(session_id)
            try:
                bundle = await self._bundles.add(kept.content.pieces, unpacks=False)
            finally:
                await kept.content.close()
        if kept.left_out:
            log.warning("snapshot.objects-left-out", session=session.id, names=kept.left_out)
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

    async def _fill(self, host: SessionHost, session: Session, snapshot: Snapshot) -> None:
        if snapshot.runtime is not session.runtime:
            raise BadInput(
                f"The snapshot was made with {snapshot.runtime}, and the session runs"
                f" {session.runtime}: open a session of that runtime."
            )
        archive = Content.within((await self._bundles.path(snapshot.bundle)).open("rb"))
        try:
            await host.fill(session.id, archive)
        finally:
            await archive.close()

    async def _ended(self, node: str, session_ids: Set[str]) -> Set[str]:
        """Return those of *session_ids* that *node* knows no more, as far as it answers."""
        try:
            host = await self._hosts.of(node)
            return session_ids - await host.known(session_ids)
        except Gone:
            return session_ids
        except Unavailable as error:
            log.warning("sessions.not-swept", at=node, cause=error.text)
            return frozenset()

    async def _forget(self, session: Session, cause: str) -> None:
        if await self._registry.remove(session.id):
            log.info("session.closed", session=session.id, account=session.owner, cause=cause)


def _refuse_reader(principal: Principal) -> None:
    # Asked at each turn: somebody may have become a Reader since.
    if not may_run_code(principal):
        raise NotPermitted(f"{principal.name!r} is a {principal.role} and may not run code.")
