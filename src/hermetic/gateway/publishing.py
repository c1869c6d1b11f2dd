"""The life of a service: published → served → retired.

A service is loaded once before it is accepted; what cannot be loaded changes nothing.
"""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from hermetic.access.policy import may_change, may_publish, may_see_code
from hermetic.access.principals import Principal
from hermetic.client.execution import Answer
from hermetic.clock import Clock
from hermetic.errors import (
    BadInput,
    NotFound,
    NotPermitted,
    ServiceExists,
    ServiceNotFound,
)
from hermetic.gateway.completion import to_the_end
from hermetic.gateway.others import ALONE, Others
from hermetic.gateway.publication import (
    PatchRequest,
    PublishRequest,
    content_of,
    loads_alike,
    patched,
)
from hermetic.gateway.served import Served
from hermetic.log import logger
from hermetic.registry.bundles import Bundles
from hermetic.registry.services import Publisher, Services
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.serving.service import Service, ServiceKey
from hermetic.serving.session import Snapshot

log = logger(__name__)


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
    """Publishes, changes, shows and retires services, and keeps them callable.

    What a service is loaded from is its own: a snapshot it was published from may be deleted.
    """

    def __init__(
        self,
        *,
        services: Services,
        snapshots: SnapshotRegistry,
        bundles: Bundles,
        served: Served,
        clock: Clock,
        others: Others = ALONE,
        further: Callable[[], Awaitable[tuple[set[str], set[str]]]] | None = None,
    ) -> None:
        """Publish into *services*.

        Args:
            further: Gives the bundles that something else refers to, and those that it serves.
        """
        self._services = services
        self._snapshots = snapshots
        self._further = further
        self._bundles = bundles
        self._served = served
        self._clock = clock
        self._others = others

    async def start(self) -> None:
        """Make every stored service callable; what cannot be is logged and left out."""
        await self._served.start()
        await self.sweep()

    async def sweep(self) -> None:
        """Remove bundles nobody refers to any more; to be called now and then."""
        files, deployed = await self._further() if self._further else (set(), set())
        served = await self._services.bundles() | deployed
        kept = served | files | await self._snapshots.bundles()
        try:
            await self._bundles.sweep(kept=kept, served=served)
        except OSError as error:
            log.warning("bundle.not-swept", cause=str(error))

    async def upload(self, principal: Principal, pieces: AsyncIterator[bytes]) -> str:
        """Keep the archive that *pieces* make up as a bundle, and return its digest.

        Raises:
            NotPermitted: The principal may not publish.
            BundleRejected: It is no archive, or one that could do harm.
            BodyTooLarge: It is larger than the node accepts.
            StorageFull: There is no room.
        """
        if not may_publish(principal):
            raise _reads_only(principal)
        bundle = await self._bundles.add(pieces)
        log.info("bundle.added", account=principal.name, digest=bundle.digest, size=bundle.size)
        return bundle.digest

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
        key = ServiceKey.parse(name, str(uuid.uuid4()) if version is None else version)
        if key.is_deployed:
            raise BadInput(f"{name!r} is a name for our own use: publish under another one.")
        return await to_the_end(self._publish(principal, key, request))

    async def patch(
        self, principal: Principal, name: str, version: str, request: PatchRequest
    ) -> ServiceView:
        """Change a published service after loading it once; raises as `publish` does.

        Owner, moment of publication and place in the order stay.

        Raises:
            ServiceNotFound: Nothing of that name and version is published.
        """
        return await to_the_end(self._patch(principal, _known(name, version), request))

    async def delete(self, principal: Principal, name: str, version: str) -> None:
        """Retire a service: calls in flight end, no further one begins.

        Raises:
            ServiceNotFound: Nothing of that name and version is published.
            NotPermitted: It is somebody else's.
        """
        await to_the_end(self._delete(principal, _known(name, version)))

    async def show(self, principal: Principal, name: str, version: str) -> ServiceView:
        """Return one service, or raise `ServiceNotFound`."""
        return _view(principal, await self._services.find(_known(name, version)))

    async def services(self, principal: Principal, name: str | None = None) -> list[ServiceView]:
        """Return all services, or the versions of *name*, in order of publication."""
        if name is not None and not _could_name(name):
            return []
        return [_view(principal, service) for service in await self._services.all(name)]

    async def call_late(self, name: str, version: str, body: bytes, request_id: str) -> Answer:
        """Run a call of a service that another web node may have published just now.

        Raises:
            ServiceNotFound: Nobody has.
        """
        key = _known(name, version)
        await self._others.learn()
        if not self._served.serves(key):
            raise ServiceNotFound(name, version)
        return await self._served.call(key, body, request_id)

    async def _publish(
        self, principal: Principal, key: ServiceKey, request: PublishRequest
    ) -> ServiceView:
        async with self._served.lock(key):
            allow = partial(_refuse_publisher, principal, key)
            # Asked before the costly check, and again, for certain, in the transaction.
            allow(await self._services.publishers(key.name))
            snapshot = await self._snapshot(principal, request.snapshot_id, request.bundle)
            service = Service(
                key,
                principal.name,
                self._clock(),
                request.runtime,
                request.entry,
                request.schema,
                request.description,
                request.operation_id or None,
                request.snapshot_id,
                content_of(snapshot) if request.bundle is None else request.bundle,
                request.idempotent,
            )
            folder = await self._served.load(service)
            await self._services.add(service, allow)
            self._served.place(service, folder)
        log.info("service.published", service=key.name, version=key.version, account=principal.name)
        return _view(principal, service)

    async def _patch(
        self, principal: Principal, key: ServiceKey, request: PatchRequest
    ) -> ServiceView:
        async with self._served.lock(key):
            old = await self._services.find(key)
            _refuse_changer(principal, old)
            snapshot = await self._snapshot(principal, request.snapshot_id, request.bundle)
            new = patched(old, request, snapshot)
            # Loading it anew would show nothing, and replacing its workers would cost calls.
            is_same = loads_alike(old, new) and key not in self._served.quarantined
            folder = None if is_same else await self._served.load(new)
            await self._services.replace(new)
            if is_same:
                self._served.note(new)
            else:
                self._served.place(new, folder)
            await self._others.tell()
        log.info("service.patched", service=key.name, version=key.version, account=principal.name)
        return _view(principal, new)

    async def _delete(self, principal: Principal, key: ServiceKey) -> None:
        async with self._served.lock(key):
            service = await self._services.find(key)
            _refuse_changer(principal, service)
            if service.bundle is not None:
                # The last calls still read it.
                with suppress(NotFound):
                    await self._bundles.touch(service.bundle)
            await self._services.remove(key)
            self._served.withdraw(key)
            await self._others.tell()
        log.info("service.retired", service=key.name, version=key.version, account=principal.name)
        await self.sweep()

    async def _snapshot(
        self, principal: Principal, snapshot_id: str | None, bundle: str | None
    ) -> Snapshot | None:
        if snapshot_id is None:
            return None
        if bundle is not None:
            raise BadInput("Publish from a snapshot or from a bundle, not from both.")
        try:
            return await self._snapshots.find(principal.name, snapshot_id)
        except NotFound as error:
            raise BadInput(f"{error.text} Take one of a session first.") from error


def _known(name: str, version: str) -> ServiceKey:
    try:
        return ServiceKey.parse(name, version)
    except BadInput:
        # What cannot be published is not published: no need to explain names to a reader.
        raise ServiceNotFound(name, version) from None


def _could_name(name: str) -> bool:
    try:
        ServiceKey.parse(name, "1")
    except BadInput:
        return False
    return True


def _view(principal: Principal, service: Service) -> ServiceView:
    shows_code = may_see_code(principal, service.owner)
    if not shows_code:
        service = replace(service, entry=replace(service.entry, code="", init_code=None))
    return ServiceView(service, shows_code, may_change(principal, service.owner))


def _reads_only(principal: Principal) -> NotPermitted:
    return NotPermitted(f"{principal.name!r} is a {principal.role} and may not publish services.")


def _refuse_publisher(principal: Principal, key: ServiceKey, known: Sequence[Publisher]) -> None:
    if not may_publish(principal):
        raise _reads_only(principal)
    if not may_publish(principal, {publisher.owner for publisher in known}):
        raise NotPermitted(
            f"The service name {key.name!r} belongs to somebody else: publish under another name."
        )
    if any(publisher.version == key.version for publisher in known):
        raise ServiceExists(key.name, key.version)


def _refuse_changer(principal: Principal, service: Service) -> None:
    if not may_change(principal, service.owner):
        raise NotPermitted(
            f"The service {service.key.name!r} in version {service.key.version!r} was published"
            f" by {service.owner!r}: only they or an Owner change it."
        )
