"""The parts of a gateway, put together as a node does."""

import asyncio
from pathlib import Path

from hermetic.client.execution import Loaded
from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.gateway.hosts import Hosts
from hermetic.gateway.publication import PublishRequest
from hermetic.gateway.publishing import Publishing
from hermetic.gateway.routing import Routes
from hermetic.gateway.served import Served
from hermetic.gateway.sessions import Sessions
from hermetic.registry.bundles import BundleArchive
from hermetic.registry.services import Services
from hermetic.registry.sessions import MOST, SessionRegistry
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.serving.bundle import Bounds
from hermetic.serving.schema import Schema
from hermetic.serving.service import Entry, RuntimeKind, Service, ServiceKey
from tests.support.execution import InstantExecution

BOUNDS = Bounds(archive=1_000_000, unpacked=2_000_000, members=50)


class FolderExecution(InstantExecution):
    """Remembers what it was given to load, and what lay in its folder at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.checked: list[Service] = []
        self.checking = asyncio.Event()
        self.folders: dict[ServiceKey, Path | None] = {}

    async def check(self, service: Service, folder: Path | None) -> Loaded:
        self.checked.append(service)
        self.checking.set()
        return await super().check(service, folder)

    def place(self, service: Service, folder: Path | None) -> None:
        super().place(service, folder)
        self.folders[service.key] = folder


class Box:
    """One box: what publishes, and what it stands on."""

    def __init__(self, home: Path, database: SqliteDatabase, clock: TurnedClock) -> None:
        self.home, self.database, self.clock = home, database, clock
        self.execution = FolderExecution()
        self.routes = Routes()
        self.bundles = BundleArchive(
            home / "bundles", home / "unpacked", clock=clock, bounds=BOUNDS
        )
        self.served = Served(
            services=Services(database),
            bundles=self.bundles,
            execution=self.execution,
            routes=self.routes,
        )
        self.publishing = Publishing(
            services=Services(database),
            snapshots=SnapshotRegistry(database),
            bundles=self.bundles,
            served=self.served,
            clock=clock,
        )

    async def restarted(self) -> "Box":
        """Return the same box after the process began anew."""
        box = Box(self.home, self.database, self.clock)
        await box.publishing.start()
        return box


def shown_sessions(box: Box, hosts: Hosts, *, most: int = MOST) -> Sessions:
    """Return the sessions of *box* as one web node shows them."""
    return Sessions(
        hosts,
        registry=SessionRegistry(box.database, most=most),
        snapshots=SnapshotRegistry(box.database),
        bundles=box.bundles,
        clock=box.clock,
    )


def coded(
    code: str = "answer = 1", *, snapshot_id: str | None = None, bundle: str | None = None
) -> PublishRequest:
    """Return what a client sends that publishes *code*."""
    return PublishRequest(
        RuntimeKind.PYTHON, Entry(code=code), Schema(), snapshot_id=snapshot_id, bundle=bundle
    )
