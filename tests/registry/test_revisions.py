import asyncio

import pytest

from hermetic.access.principals import Account, Role
from hermetic.clock import TurnedClock
from hermetic.database.database import Database, Transaction
from hermetic.errors import Conflict, NotFound, ServiceExists, ServiceNotFound
from hermetic.registry.principals import Principals
from hermetic.registry.revisions import Kind, Revisions, bump
from hermetic.registry.services import Services
from tests.registry.test_services import SERVICE, anybody, version

ANNA = Account("anna", Role.CONTRIBUTOR, "hash")


async def revision(database: Database, kind: Kind) -> int:
    return (await Revisions(database).current())[kind]


async def test_nothing_was_changed_at_first(database: Database) -> None:
    assert await Revisions(database).current() == dict.fromkeys(Kind, 0)


async def test_kinds_are_counted_apart(database: Database) -> None:
    for expected in (1, 2):
        assert await database.write(lambda it: bump(it, Kind.LOGINS)) == expected
    assert await database.write(lambda it: bump(it, Kind.NODES)) == 1
    assert await Revisions(database).current() == {
        Kind.SERVICES: 0,
        Kind.LOGINS: 2,
        Kind.PRINCIPALS: 0,
        Kind.NODES: 1,
    }


async def test_a_change_that_fails_is_not_counted(database: Database) -> None:
    def change(transaction: Transaction) -> None:
        bump(transaction, Kind.SERVICES)
        raise KeyError

    with pytest.raises(KeyError):
        await database.write(change)
    assert await revision(database, Kind.SERVICES) == 0


async def test_changes_at_once_are_all_counted(database: Database) -> None:
    counting = (database.write(lambda it: bump(it, Kind.SERVICES)) for _ in range(20))
    assert sorted(await asyncio.gather(*counting)) == list(range(1, 21))


async def test_each_change_of_services_is_counted_and_no_failure(database: Database) -> None:
    services = Services(database)
    await services.add(SERVICE, anybody)
    await services.replace(SERVICE)
    await services.remove(SERVICE.key)
    await services.add(version("2"), anybody)
    for failing, kind in (
        (services.add(version("2"), anybody), ServiceExists),
        (services.replace(SERVICE), ServiceNotFound),
        (services.remove(SERVICE.key), ServiceNotFound),
    ):
        with pytest.raises(kind):
            await failing
    assert await revision(database, Kind.SERVICES) == 4


async def test_each_change_of_principals_is_counted_and_no_failure(
    database: Database, clock: TurnedClock
) -> None:
    principals = Principals(database, clock)
    await principals.add(ANNA)
    await principals.replace(ANNA)
    await principals.remove("anna")
    await principals.add(ANNA)
    for failing, kind in (
        (principals.add(ANNA), Conflict),
        (principals.remove("bert"), NotFound),
        (principals.replace(Account("bert", Role.OWNER, "hash")), NotFound),
    ):
        with pytest.raises(kind):
            await failing
    assert await revision(database, Kind.PRINCIPALS) == 4
