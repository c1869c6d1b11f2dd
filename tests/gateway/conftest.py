"""The gateway of one box, real but for the workers, the hosts of sessions and the strength of hashes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.gateway.access import Access
from hermetic.gateway.sessions import Sessions
from hermetic.gateway.snapshots import Snapshots
from hermetic.identity.local import LocalAccounts
from hermetic.registry.bundles import BundleArchive
from hermetic.registry.logins import Logins
from hermetic.registry.principals import Principals
from hermetic.registry.snapshots import SnapshotRegistry
from tests.support.accounts import PASSWORD, fast_passwords
from tests.support.certifying import Bench, bench_in
from tests.support.gateway import Box, shown_sessions
from tests.support.hosting import PlayedHosts, PlayedSessions
from tests.support.tokens import signing_key

OLGA = Principal("olga", Role.OWNER)
ANNA = Principal("anna", Role.CONTRIBUTOR)
BERT = Principal("bert", Role.CONTRIBUTOR)
RITA = Principal("rita", Role.READER)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "hermetic.sqlite3")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def local(database: SqliteDatabase, clock: TurnedClock) -> AsyncIterator[LocalAccounts]:
    passwords = fast_passwords()
    local = LocalAccounts(Principals(database, clock), passwords)
    await local.start(PASSWORD)
    yield local
    await passwords.close()


@pytest.fixture
async def access(database: SqliteDatabase, clock: TurnedClock, local: LocalAccounts) -> Access:
    access = Access(
        provider=local,
        logins=Logins(database, clock),
        key=signing_key(),
        issuer="https://node",
        clock=clock,
    )
    await access.start()
    return access


@pytest.fixture
async def box(tmp_path: Path, database: SqliteDatabase, clock: TurnedClock) -> Box:
    box = Box(tmp_path, database, clock)
    await box.publishing.start()
    return box


@pytest.fixture
def bundles(box: Box) -> BundleArchive:
    return box.bundles


@pytest.fixture
def host() -> PlayedSessions:
    return PlayedSessions()


@pytest.fixture
def hosts(host: PlayedSessions) -> PlayedHosts:
    return PlayedHosts(near=host, far=PlayedSessions())


@pytest.fixture
def sessions(box: Box, hosts: PlayedHosts) -> Sessions:
    return shown_sessions(box, hosts)


@pytest.fixture
def snapshots(box: Box) -> Snapshots:
    return Snapshots(SnapshotRegistry(box.database), box.bundles)


@pytest.fixture
def bench(tmp_path: Path, database: SqliteDatabase, clock: TurnedClock) -> Bench:
    return bench_in(tmp_path, database, clock)
