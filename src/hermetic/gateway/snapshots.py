"""What was kept of sessions.  A snapshot is seen by its owner alone."""

from hermetic.access.principals import Principal
from hermetic.client.content import Content
from hermetic.registry.bundles import Bundles
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.serving.session import Snapshot


class Snapshots:
    """Shows, hands out and deletes snapshots."""

    def __init__(self, registry: SnapshotRegistry, bundles: Bundles) -> None:
        self._registry = registry
        self._bundles = bundles

    async def own(self, principal: Principal) -> list[Snapshot]:
        """Return the principal's snapshots, oldest first."""
        return await self._registry.own(principal.name)

    async def content(self, principal: Principal, snapshot_id: str) -> Content:
        """Return a snapshot's archive (ZIP), or raise `NotFound`."""
        snapshot = await self._registry.find(principal.name, snapshot_id)
        # Opened at once: the archive may be deleted and swept while it is being read.
        return Content.within((await self._bundles.path(snapshot.bundle)).open("rb"))

    async def delete(self, principal: Principal, snapshot_id: str) -> None:
        """Delete a snapshot, or raise `NotFound`.  Services published from it stay."""
        await self._registry.remove(principal.name, snapshot_id)
