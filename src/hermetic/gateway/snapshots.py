"""What was kept of sessions.  A snapshot is seen by its owner alone."""

from hermetic.access.principals import Principal
from hermetic.gateway.content import Content
from hermetic.serving.session import Snapshot


class Snapshots:
    """Shows, hands out and deletes snapshots."""

    async def own(self, principal: Principal) -> list[Snapshot]:
        """Return the principal's snapshots, oldest first."""
        raise NotImplementedError

    async def content(self, principal: Principal, snapshot_id: str) -> Content:
        """Return a snapshot's archive (ZIP), or raise `NotFound`."""
        raise NotImplementedError

    async def delete(self, principal: Principal, snapshot_id: str) -> None:
        """Delete a snapshot, or raise `NotFound`.  Services published from it stay."""
        raise NotImplementedError
