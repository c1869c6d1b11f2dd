import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hermetic.database.database import Database
from hermetic.errors import NotPermitted, ServiceExists, ServiceNotFound
from hermetic.registry.services import Publisher, Services
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import Entry, EntryKind, RuntimeKind, Service, ServiceKey
from hermetic.serving.values import WireType

SERVICE = Service(
    ServiceKey("wine", "1.0"),
    "anna",
    datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC),
    RuntimeKind.PYTHON,
    Entry(EntryKind.SCRIPT, "", None, "score.py"),
    Schema(
        (Parameter("b", WireType.NUMERIC), Parameter("a", WireType.DATA_FRAME)),
        (Parameter("größe", WireType.MATRIX),),
        ("ä.txt", "b.csv"),
    ),
    "Tells wines apart",
    "score",
    "snapshot-1",
    "d" * 64,
)


def version(number: str, owner: str = "anna") -> Service:
    return replace(SERVICE, key=ServiceKey("wine", number), owner=owner)


def anybody(_: list[Publisher]) -> None:
    return


@pytest.fixture
def services(database: Database) -> Services:
    return Services(database)


async def test_a_service_comes_back_as_it_was_kept(services: Services) -> None:
    await services.add(SERVICE, anybody)
    assert await services.find(SERVICE.key) == SERVICE


@pytest.mark.parametrize("is_so", [True, False])
async def test_whether_a_call_may_be_tried_again_is_kept(services: Services, is_so: bool) -> None:
    await services.add(replace(SERVICE, idempotent=not is_so), anybody)
    await services.replace(replace(SERVICE, idempotent=is_so))
    assert (await services.find(SERVICE.key)).idempotent is is_so


async def test_a_service_with_nothing_but_code_comes_back_too(services: Services) -> None:
    bare = replace(
        SERVICE,
        entry=Entry(code="x = 1"),
        schema=Schema(),
        description=None,
        operation_id=None,
        snapshot_id=None,
        bundle=None,
    )
    await services.add(bare, anybody)
    assert await services.find(bare.key) == bare


async def test_services_are_listed_in_order_of_publication(services: Services) -> None:
    for number in ("3", "1", "2"):
        await services.add(version(number), anybody)
    await services.remove(version("1").key)
    await services.add(version("0"), anybody)
    assert [one.key.version for one in await services.all("wine")] == ["3", "2", "0"]
    assert [one.key.version for one in await services.all()] == ["3", "2", "0"]


async def test_an_unknown_name_has_no_versions(services: Services) -> None:
    await services.add(SERVICE, anybody)
    assert await services.all("beer") == []
    assert await services.all("WINE") == []


async def test_a_version_is_kept_once(services: Services) -> None:
    await services.add(SERVICE, anybody)
    with pytest.raises(ServiceExists):
        await services.add(replace(SERVICE, owner="bert"), anybody)
    assert (await services.find(SERVICE.key)).owner == "anna"


async def test_of_twenty_at_once_exactly_one_is_kept(services: Services) -> None:
    results = await asyncio.gather(
        *(services.add(SERVICE, anybody) for _ in range(20)), return_exceptions=True
    )
    assert results.count(None) == 1
    assert sum(isinstance(result, ServiceExists) for result in results) == 19


async def test_who_published_before_is_asked_within_the_transaction(services: Services) -> None:
    await services.add(version("1"), anybody)
    await services.add(version("2", "bert"), anybody)

    def nobody(known: list[Publisher]) -> None:
        assert known == [Publisher("1", "anna"), Publisher("2", "bert")]
        raise NotPermitted("No.")

    with pytest.raises(NotPermitted):
        await services.add(version("3"), nobody)
    assert await services.publishers("wine") == [Publisher("1", "anna"), Publisher("2", "bert")]


async def test_a_change_keeps_owner_moment_and_place(services: Services) -> None:
    await services.add(version("1"), anybody)
    await services.add(version("2"), anybody)
    changed = replace(
        version("1", "mallory"), description="Anew", created_at=datetime(2030, 1, 1, tzinfo=UTC)
    )
    await services.replace(changed)
    first = (await services.all("wine"))[0]
    assert first == replace(version("1"), description="Anew")


async def test_what_is_not_there_cannot_be_changed(services: Services) -> None:
    with pytest.raises(ServiceNotFound):
        await services.find(SERVICE.key)
    with pytest.raises(ServiceNotFound):
        await services.replace(SERVICE)
    with pytest.raises(ServiceNotFound):
        await services.remove(SERVICE.key)


async def test_bundles_that_are_referred_to_are_known(services: Services) -> None:
    await services.add(version("1"), anybody)
    await services.add(replace(version("2"), bundle=None), anybody)
    assert await services.bundles() == {"d" * 64}


async def test_text_that_looks_like_sql_is_text(services: Services) -> None:
    evil = replace(SERVICE, description="'); DROP TABLE services; --")
    await services.add(evil, anybody)
    assert await services.find(evil.key) == evil
    assert await services.all("' OR 1=1 --") == []
