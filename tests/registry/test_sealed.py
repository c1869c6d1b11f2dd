"""What nodes have together is written by who holds the lease, and read by who has the key."""

from datetime import timedelta

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.errors import BadConfiguration, Conflict
from hermetic.registry.leases import Lease, Leases
from hermetic.registry.sealed import SealedDocuments

KEY = bytes(range(32))
SECRET = b"\x00 a secret \xff"


@pytest.fixture
async def lease(database: Database, clock: TurnedClock) -> Lease:
    found = await Leases(database, clock).take("api", "a", timedelta(seconds=30))
    assert found is not None
    return found


async def test_what_is_written_is_read_and_counted(database: Database, lease: Lease) -> None:
    sealed = SealedDocuments(database, KEY)
    assert await sealed.read("x") == (0, {})
    assert await sealed.version("x") == 0
    assert await sealed.write("x", {"tls.key": SECRET}, lease) == 1
    assert await sealed.write("x", {"tls.key": SECRET, "b": b""}, lease) == 2
    assert await sealed.read("x") == (2, {"tls.key": SECRET, "b": b""})
    assert await sealed.version("x") == 2


async def test_who_lost_the_lease_writes_nothing(
    database: Database, clock: TurnedClock, lease: Lease
) -> None:
    sealed = SealedDocuments(database, KEY)
    await sealed.write("x", {"a": b"1"}, lease)
    clock.advance(timedelta(minutes=1))
    assert await Leases(database, clock).take("api", "b", timedelta(seconds=30))
    with pytest.raises(Conflict):
        await sealed.write("x", {"a": b"2"}, lease)
    assert await sealed.read("x") == (1, {"a": b"1"})


async def test_the_database_has_nothing_of_it(database: Database, lease: Lease) -> None:
    await SealedDocuments(database, KEY).write("x", {"tls.key": b"a secret word"}, lease)
    (row,) = await database.read("SELECT data FROM sealed_documents")
    assert b"secret" not in bytes(row["data"])
    assert b"tls.key" not in bytes(row["data"])
    with pytest.raises(BadConfiguration, match="JWTSigningCertificate"):
        await SealedDocuments(database, KEY[::-1]).read("x")


async def test_no_document_takes_the_place_of_another(database: Database, lease: Lease) -> None:
    sealed = SealedDocuments(database, KEY)
    for name in ("one", "other"):
        await sealed.write(name, {"a": name.encode()}, lease)
    await database.write(
        lambda transaction: transaction.change(
            "UPDATE sealed_documents SET data ="
            " (SELECT data FROM sealed_documents WHERE name = 'one') WHERE name = 'other'"
        )
    )
    with pytest.raises(BadConfiguration):
        await sealed.read("other")
