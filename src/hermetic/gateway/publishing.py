"""The life of a service: published → served → retired."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from hermetic.access.principals import Principal
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, EntryKind, RuntimeKind, Service


@dataclass(frozen=True)
class PublishRequest:
    """What is to be published, beside its name and version.

    The models and files come from `snapshot_id`, a snapshot of the caller's, or from `bundle`,
    the digest of an archive uploaded before; from neither if the code stands alone.
    """

    runtime: RuntimeKind
    entry: Entry
    schema: Schema
    description: str | None = None
    operation_id: str | None = None
    snapshot_id: str | None = None
    bundle: str | None = None


@dataclass(frozen=True)
class PatchRequest:
    """What is to be changed of a service; `None` keeps what is there."""

    runtime: RuntimeKind | None = None
    kind: EntryKind | None = None
    code: str | None = None
    init_code: str | None = None
    target: str | None = None
    inputs: tuple[Parameter, ...] | None = None
    outputs: tuple[Parameter, ...] | None = None
    files: tuple[str, ...] | None = None
    description: str | None = None
    operation_id: str | None = None
    snapshot_id: str | None = None
    bundle: str | None = None


@dataclass(frozen=True)
class ServiceView:
    """A service as one principal may see it.

    Without `shows_code`, `service.entry` holds neither code nor initial code; `may_change` is
    `myPermissionOnService`: "read/write" or "read only".
    """

    service: Service
    shows_code: bool
    may_change: bool


class Publishing:
    """Publishes, changes, shows and retires services, and keeps them callable."""

    async def start(self) -> None:
        """Make every stored service callable; what cannot be is logged and left out."""
        raise NotImplementedError

    async def upload(self, principal: Principal, pieces: AsyncIterator[bytes]) -> str:
        """Keep the archive that *pieces* make up as a bundle, and return its digest.

        Raises:
            NotPermitted: The principal may not publish.
            BundleRejected: It is no archive, or one that could do harm.
            BodyTooLarge: It is larger than the node accepts.
            StorageFull: There is no room.
        """
        raise NotImplementedError

    async def publish(
        self, principal: Principal, name: str, version: str | None, request: PublishRequest
    ) -> ServiceView:
        """Publish a service after loading it once; without *version* it gets a new GUID.

        Raises:
            BadInput: Name, version, entry, snapshot or bundle cannot be used.
            NotPermitted: The name belongs to somebody else, or the principal only reads.
            ServiceExists: That name and version is published already.
            ServiceUnloadable: Its own code failed while it was loaded; nothing was changed.
        """
        raise NotImplementedError

    async def patch(
        self, principal: Principal, name: str, version: str, request: PatchRequest
    ) -> ServiceView:
        """Change a published service after loading it once; raises as `publish` does.

        Raises:
            ServiceNotFound: Nothing of that name and version is published.
        """
        raise NotImplementedError

    async def delete(self, principal: Principal, name: str, version: str) -> None:
        """Retire a service: calls in flight end, no further one begins.

        Raises:
            ServiceNotFound: Nothing of that name and version is published.
            NotPermitted: It is somebody else's.
        """
        raise NotImplementedError

    async def show(self, principal: Principal, name: str, version: str) -> ServiceView:
        """Return one service, or raise `ServiceNotFound`."""
        raise NotImplementedError

    async def services(self, principal: Principal, name: str | None = None) -> list[ServiceView]:
        """Return all services, or the versions of *name*, in order of publication."""
        raise NotImplementedError
