"""The services that can be called on this node at this moment, kept true to what is stored.

Where they are stored others may change them; what they changed is compared with what is served
here, and only what differs is touched.
"""

import asyncio
from pathlib import Path
from weakref import WeakValueDictionary

from hermetic.client.execution import Answer, Execution
from hermetic.errors import BadInput, HermeticError, NotFound, ServiceNotFound
from hermetic.gateway.publication import loads_alike, refuse_incomplete
from hermetic.gateway.routing import Routes
from hermetic.log import logger
from hermetic.registry.bundles import Bundles
from hermetic.registry.services import Services
from hermetic.serving.service import Service, ServiceKey

log = logger(__name__)


class Served:
    """Places services and lets calls reach them.

    *unpacks* says that they run on this machine, which then needs their bundles unpacked.
    """

    def __init__(
        self,
        *,
        services: Services,
        bundles: Bundles,
        execution: Execution,
        routes: Routes,
        unpacks: bool = True,
    ) -> None:
        self._services, self._bundles = services, bundles
        self._execution, self._routes, self._unpacks = execution, routes, unpacks
        self._served: dict[ServiceKey, Service] = {}
        self._locks: WeakValueDictionary[ServiceKey, asyncio.Lock] = WeakValueDictionary()
        self.quarantined: dict[ServiceKey, str] = {}
        """The services that are published but cannot be called, and why."""

    async def start(self) -> None:
        """Make every stored service callable; what cannot be is logged and left out."""
        await self._bundles.start()
        await self.take_in()

    async def take_in(self, since_revision: int = 0) -> None:
        """Serve what is stored now, and nothing else; since when it changed makes no difference."""
        stored = {one.key: one for one in await self._services.all()}
        differing = [key for key, one in stored.items() if not self._is_served(one)]
        for key in [*(self._served.keys() - stored.keys()), *differing]:
            async with self.lock(key):
                # Looked at again: what was read before may have been changed here meanwhile.
                await self._serve_stored(key)

    def lock(self, key: ServiceKey) -> asyncio.Lock:
        """Return the lock held by whoever changes *key*."""
        return self._locks.setdefault(key, asyncio.Lock())

    def place(self, service: Service, folder: Path | None) -> None:
        """Let calls reach *service*, which `load` found well."""
        self._execution.place(service, folder)
        self._routes.add(service.key)
        self._served[service.key] = service
        self.quarantined.pop(service.key, None)

    def note(self, service: Service) -> None:
        """Take note of a change of *service* that its workers need not know of."""
        self._served[service.key] = service

    def withdraw(self, key: ServiceKey) -> None:
        """Let calls in flight end, and no further one begin."""
        self._routes.remove(key)
        self._execution.withdraw(key)
        self._served.pop(key, None)
        self.quarantined.pop(key, None)

    def serves(self, key: ServiceKey) -> bool:
        """Whether *key* can be called."""
        return key in self._served

    async def load(self, service: Service) -> Path | None:
        """Return the folder of *service* after loading it once, or raise what is wrong with it."""
        refuse_incomplete(service)
        try:
            folder = await self._folder(service)
        except NotFound as error:
            raise BadInput(error.text) from error
        await self._execution.check(service, folder)
        return folder

    async def call(self, key: ServiceKey, body: bytes, request_id: str) -> Answer:
        """Run one call, for whoever can wait for it."""
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        ticket = self._execution.submit(
            key,
            body,
            lambda answer: None if done.done() else done.set_result(answer),
            request_id.encode(),
        )
        try:
            return await done
        except asyncio.CancelledError:
            self._execution.abandon(ticket)
            raise

    def _is_served(self, service: Service) -> bool:
        return self._served.get(service.key) == service

    async def _serve_stored(self, key: ServiceKey) -> None:
        try:
            service = await self._services.find(key)
        except ServiceNotFound:
            if key in self._served or key in self.quarantined:
                self.withdraw(key)
            return
        old = self._served.get(key)
        if old is not None and loads_alike(old, service):
            self.note(service)
            return
        try:
            folder = await self._folder(service)
        except (HermeticError, OSError) as error:
            self._quarantine(key, str(error))
        else:
            self.place(service, folder)

    def _quarantine(self, key: ServiceKey, cause: str) -> None:
        if self.quarantined.get(key) != cause:
            log.error("service.quarantined", service=key.name, version=key.version, cause=cause)
        self.quarantined[key] = cause

    async def _folder(self, service: Service) -> Path | None:
        if service.bundle is None:
            return None
        if not self._unpacks:
            await self._bundles.touch(service.bundle)
            return None
        return await self._bundles.folder(service.bundle)
