"""Documents by kind and name, changed by who read them last."""

from dataclasses import replace

import pytest

from hermetic.database.database import Database
from hermetic.errors import BadConfiguration, Conflict, NotFound
from hermetic.registry.documents import Document, Documents
from hermetic.registry.sealed import Seal

ONE = Document("compute", "a", {"size": 1, "name": "ä"}, {"tls.key": b"\x00secret\xff"})


@pytest.fixture
def documents(database: Database) -> Documents:
    return Documents(database, Seal(b"k" * 32))


async def test_a_document_is_read_as_it_was_kept(documents: Documents) -> None:
    kept = await documents.add(ONE)
    assert kept.revision == 1
    assert await documents.find("compute", "a") == kept
    assert await documents.all("compute") == [kept]
    assert await documents.all("service") == []


async def test_there_is_one_of_a_kind_and_name(documents: Documents) -> None:
    await documents.add(ONE)
    with pytest.raises(Conflict, match="already"):
        await documents.add(replace(ONE, body={}))
    await documents.add(replace(ONE, kind="service"))


async def test_who_read_an_older_one_hears_of_the_newer(documents: Documents) -> None:
    first = await documents.add(ONE)
    second = await documents.replace(replace(first, body={"size": 2}))
    assert second.revision == 2
    with pytest.raises(Conflict, match="meanwhile"):
        await documents.replace(replace(first, body={"size": 3}))
    found = await documents.find("compute", "a")
    assert found is not None
    assert found.body == {"size": 2}


async def test_what_is_removed_is_gone(documents: Documents) -> None:
    await documents.add(ONE)
    await documents.remove("compute", "a")
    assert await documents.find("compute", "a") is None
    with pytest.raises(NotFound):
        await documents.remove("compute", "a")


async def test_secrets_are_not_in_the_database(documents: Documents, database: Database) -> None:
    await documents.add(ONE)
    (row,) = await database.read("SELECT body, secrets FROM documents")
    assert b"secret" not in bytes(row["secrets"])
    assert "secret" not in row["body"]
    assert "secret" not in repr(ONE)


async def test_secrets_are_of_one_document_and_one_key(
    documents: Documents, database: Database
) -> None:
    await documents.add(ONE)
    with pytest.raises(BadConfiguration):
        await Documents(database, Seal(b"x" * 32)).find("compute", "a")
    await database.write(lambda it: it.change("UPDATE documents SET name = ?", ("b",)))
    with pytest.raises(BadConfiguration):
        await documents.find("compute", "b")
