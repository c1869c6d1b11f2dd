"""What one box keeps: its database, the registries in it, and its bundles.

Part of the wiring of `hermetic up`.
"""

from dataclasses import dataclass

from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.database.sqlite import SqliteDatabase
from hermetic.registry.bundles import BundleArchive
from hermetic.registry.logins import Logins
from hermetic.registry.principals import Principals
from hermetic.registry.services import Services
from hermetic.registry.sessions import SessionRegistry
from hermetic.registry.snapshots import SnapshotRegistry
from hermetic.serving.bundle import Bounds


@dataclass(frozen=True)
class Kept:
    """The persistent side of a box; `database` is to be opened first and closed last.

    `bounds` hold for every bundle, those of sessions included.
    """

    database: SqliteDatabase
    principals: Principals
    logins: Logins
    services: Services
    sessions: SessionRegistry
    snapshots: SnapshotRegistry
    bundles: BundleArchive
    bounds: Bounds


def kept_in(home: Home, settings: Settings, clock: Clock) -> Kept:
    """Return what is kept in *home*; nothing is touched yet."""
    database = SqliteDatabase(home.database)
    upload = settings.limits.upload_bytes
    bounds = Bounds(archive=upload, unpacked=max(upload, Bounds.unpacked))
    return Kept(
        database=database,
        principals=Principals(database, clock),
        logins=Logins(database, clock),
        services=Services(database),
        sessions=SessionRegistry(database),
        snapshots=SnapshotRegistry(database),
        bundles=BundleArchive(home.bundles, home.unpacked, clock=clock, bounds=bounds),
        bounds=bounds,
    )
