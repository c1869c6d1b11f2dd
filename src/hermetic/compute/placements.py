"""What a compute node was given to run: services by digest, and their bundles.

A web node gives a service the first time somebody calls it here, and again whenever this node
has forgotten it; so forgetting is always safe.  Nothing is loaded before it is called.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from hermetic.client.execution import Execution, Loaded
from hermetic.errors import BundleMissing, BundleRejected, Busy, NotFound
from hermetic.gateway.completion import to_the_end
from hermetic.log import logger
from hermetic.registry.bundles import BundleArchive
from hermetic.serving.service import PlacedKey, Service, ServiceKey
from hermetic.wire.placements import service_of

log = logger(__name__)

CALLS = "/calls/"
_KEPT_S = 3600.0
_MOST = 10_000


class Placements:
    """The services that can be called on this node at this moment.

    *most* bounds how many; each costs some kilobytes, and those that nobody calls any more are
    forgotten after an hour.
    """

    def __init__(self, execution: Execution, bundles: BundleArchive, *, most: int = _MOST) -> None:
        self._execution, self._bundles, self._most = execution, bundles, most
        self._placed: dict[bytes, Service] = {}
        self._used: dict[bytes, float] = {}
        self._now = 0.0

    def find(self, path: bytes) -> ServiceKey | None:
        """Return the service called at *path*, or `None`."""
        service = self._placed.get(path)
        if service is None:
            return None
        self._used[path] = self._now
        return service.key

    async def place(self, digest: str, document: bytes) -> None:
        """Make the service that *document* describes callable at `/calls/{digest}`.

        Raises:
            BadInput: It is no placement, or not that of *digest*.
            BundleMissing: Its bundle is not here; send that first.
            StorageFull: There is no room to unpack the bundle.
            Busy: There are as many as there may be.
        """
        path = _path(digest)
        if path in self._placed:
            return
        service = service_of(document, digest)
        if len(self._placed) >= self._most:
            raise Busy(f"This node holds {self._most} services, which is all it may.", 60)
        folder = await self._folder(service)
        if path in self._placed:  # another web node was faster
            return
        self._execution.place(service, folder)
        self._placed[path], self._used[path] = service, self._now
        log.info("service.placed", service=service.key.name, version=service.key.version)

    async def check(self, digest: str, document: bytes) -> Loaded:
        """Load a service once, without placing it; raises as `place` and `Execution.check` do."""
        service = service_of(document, digest)
        return await self._execution.check(service, await self._folder(service))

    def withdraw(self, digest: str) -> None:
        """Let calls in flight end, and accept no more; an unknown digest is ignored."""
        path = _path(digest)
        service = self._placed.pop(path, None)
        self._used.pop(path, None)
        if service is not None:
            self._execution.withdraw(service.key)
            log.info("service.withdrawn", service=service.key.name, version=service.key.version)

    async def keep(self, digest: str, pieces: AsyncIterator[bytes]) -> None:
        """Keep the bundle that *pieces* make up, if it is the one that *digest* names.

        Raises:
            BundleRejected: It is another, or none.
            BodyTooLarge: It is larger than this node accepts.
            StorageFull: There is no room.
        """
        bundle = await self._bundles.add(pieces)
        if bundle.digest != digest:
            raise BundleRejected(
                f"The bundle {digest[:80]!r} came as {bundle.digest}: it was changed on its way."
            )

    async def sweep(self, now: float) -> None:
        """Forget what was not called for an hour, and bundles nobody refers to any more.

        *now* is in seconds of one steady clock.
        """
        self._now = now
        for path, used in list(self._used.items()):
            if now - used > _KEPT_S and isinstance(key := self._placed[path].key, PlacedKey):
                self.withdraw(key.placement)
        kept = {one.bundle for one in self._placed.values() if one.bundle is not None}
        await self._bundles.sweep(kept=kept, served=kept)

    def __len__(self) -> int:
        return len(self._placed)

    async def _folder(self, service: Service) -> Path | None:
        if service.bundle is None:
            return None
        try:
            return await to_the_end(self._bundles.folder(service.bundle))
        except NotFound as error:
            raise BundleMissing(f"{error.text[:-1]}, then place the service.") from error


def _path(digest: str) -> bytes:
    return f"{CALLS}{digest}".encode()
