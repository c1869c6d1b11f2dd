"""The life of a session: opened → snapshotted → closed."""

from collections.abc import AsyncIterator

from hermetic.access.principals import Principal
from hermetic.gateway.content import Content
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session, Snapshot


class Sessions:
    """Opens, fills, snapshots and closes sessions.

    A session is seen by its owner alone: to anybody else it is `NotFound`, in every method.
    """

    async def start(self) -> None:
        """Clear away what sessions of an earlier run left behind."""
        raise NotImplementedError

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
            NotFound: There is no such snapshot.
            Busy: The principal, or the node, has as many sessions as it may.
        """
        raise NotImplementedError

    async def own(self, principal: Principal) -> list[Session]:
        """Return the principal's open sessions, oldest first."""
        raise NotImplementedError

    async def close(self, principal: Principal, session_id: str, *, force: bool = False) -> None:
        """Close a session and forget what it holds; *force* kills what it is running."""
        raise NotImplementedError

    async def names(self, principal: Principal, session_id: str, shelf: Shelf) -> list[str]:
        """Return the names of the plain files, or of the workspace's objects, sorted.

        Raises:
            Gone: The interpreter that held the objects died.
        """
        raise NotImplementedError

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
        raise NotImplementedError

    async def read(self, principal: Principal, session_id: str, shelf: Shelf, name: str) -> Content:
        """Return a file, or a serialised object, or raise `NotFound`."""
        raise NotImplementedError

    async def delete(self, principal: Principal, session_id: str, shelf: Shelf, name: str) -> None:
        """Remove a file, or an object, or raise `NotFound`."""
        raise NotImplementedError

    async def snapshot(
        self, principal: Principal, session_id: str, name: str | None = None
    ) -> Snapshot:
        """Keep what the session holds at this moment."""
        raise NotImplementedError

    async def load_snapshot(self, principal: Principal, session_id: str, snapshot_id: str) -> None:
        """Merge a snapshot of the caller's into the session; what it names is overwritten.

        Raises:
            NotFound: There is no such snapshot.
            BadInput: It was made with another runtime.
        """
        raise NotImplementedError

    async def cancel(self, principal: Principal, session_id: str) -> None:
        """Interrupt what the session runs, as well as can be; the session stays."""
        raise NotImplementedError

    async def console(self, principal: Principal, session_id: str) -> str:
        """Return what the current or last run wrote."""
        raise NotImplementedError

    async def history(self, principal: Principal, session_id: str) -> list[str]:
        """Return the code the session ran, oldest first."""
        raise NotImplementedError
