"""What a node with an API keeps: its database, the registries in it, and its bundles."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.config.web import WebSettings
from hermetic.database.database import Database
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import BadConfiguration
from hermetic.registry.artifacts import Artifacts
from hermetic.registry.bundles import BundleArchive, Bundles
from hermetic.registry.logins import Logins
from hermetic.registry.principals import Principals
from hermetic.registry.services import Services
from hermetic.registry.sessions import SessionRegistry
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.serving.bundle import Bounds


@dataclass(frozen=True)
class Kept:
    """The persistent side of a node; `database` is to be opened first and closed last.

    `bounds` hold for every bundle, those of sessions included; `described` is the kind of the
    database, and its name.
    """

    root: Path
    database: Database
    described: tuple[str, str]
    local: BundleArchive
    """The bundles in the home: all there are, or copies of some."""
    principals: Principals
    logins: Logins
    services: Services
    sessions: SessionRegistry
    snapshots: SnapshotRegistry
    artifacts: Artifacts
    bundles: Bundles
    bounds: Bounds

    async def probe(self) -> None:
        """Ask the database a question; raises what it raises."""
        await self.database.read("SELECT 1")


def kept_in(home: Home, upload_bytes: int, clock: Clock) -> Kept:
    """Return what is kept in *home*; nothing is touched yet."""
    database = SqliteDatabase(home.database)
    return kept_with(home, database, ("sqlite", "main"), upload_bytes, clock)


def kept_with(
    home: Home, database: Database, described: tuple[str, str], upload_bytes: int, clock: Clock
) -> Kept:
    """Return what is kept in *home* and *database*, which is of that kind and name."""
    bounds = bounds_of(upload_bytes)
    local = BundleArchive(home.bundles, home.unpacked, clock=clock, bounds=bounds)
    return Kept(
        root=home.root,
        database=database,
        described=described,
        principals=Principals(database, clock),
        logins=Logins(database, clock),
        services=Services(database),
        sessions=SessionRegistry(database),
        snapshots=SnapshotRegistry(database),
        artifacts=Artifacts(database, clock),
        bundles=local,
        local=local,
        bounds=bounds,
    )


def kept_as_told(home: Home, settings: WebSettings, clock: Clock) -> Kept:
    """Return what is kept in the home, or in the database that several web nodes share.

    Raises:
        BadConfiguration: The database cannot be meant, or what speaks to it is not installed.
    """
    upload, postgresql = settings.limits.upload_bytes, settings.connection_strings.postgresql
    if not postgresql.enabled:
        return kept_in(home, upload, clock)
    kept: Kept = sharing().kept_at(home, postgresql.connection, upload, clock)
    return kept


def sharing() -> ModuleType:
    """Return the module `shared`, whose library one box does without.

    Raises:
        BadConfiguration: That library is not installed.
    """
    try:
        return importlib.import_module("hermetic.wiring.shared")
    except ModuleNotFoundError as error:
        raise BadConfiguration(
            f"ConnectionStrings.postgresql is enabled, and {error.name} is not installed:"
            ' `pip install "hermetic[node,postgresql]"` brings it.'
        ) from error


def bounds_of(upload_bytes: int) -> Bounds:
    """Return how large a bundle may be where uploads may have that many bytes."""
    return Bounds(archive=upload_bytes, unpacked=max(upload_bytes, Bounds.unpacked))
