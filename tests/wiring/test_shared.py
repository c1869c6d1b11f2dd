"""What several web nodes keep together, in a real PostgreSQL."""

from pathlib import Path

import pytest

from hermetic.access.principals import Account, Role
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.database.connection_string import ConnectionParameters
from hermetic.errors import BadConfiguration
from hermetic.wiring.shared import kept_at
from tests.support.archives import in_pieces, zipped
from tests.support.installation import connection_string

ARCHIVE = zipped({"files/a.txt": b"hello"})
UPLOAD = 100_000


def home_of(tmp_path: Path, name: str) -> Home:
    home = Home(tmp_path / name)
    home.create()
    return home


async def test_what_one_node_keeps_another_finds(
    tmp_path: Path, reach: ConnectionParameters
) -> None:
    where = connection_string(reach)
    one, other = (
        kept_at(home_of(tmp_path, name), where, UPLOAD, system_clock) for name in ("a", "b")
    )
    await one.database.open()
    await other.database.open()
    await one.principals.add(Account("anna", Role.READER, "hash"))
    assert [found.name for found in await other.principals.all()] == ["anna"]
    await one.bundles.start()
    await other.bundles.start()
    digest = (await one.bundles.add(in_pieces(ARCHIVE))).digest
    assert (await other.bundles.path(digest)).read_bytes() == ARCHIVE
    await other.probe()
    for kept in (one, other):
        await kept.database.close()


async def test_nothing_is_touched_before_it_is_opened(
    tmp_path: Path, reach: ConnectionParameters
) -> None:
    home = home_of(tmp_path, "a")
    kept = kept_at(home, connection_string(reach), UPLOAD, system_clock)
    assert kept.described == ("postgresql", reach.database)
    assert list(home.root.iterdir()) == []


@pytest.mark.parametrize(
    "connection", ["nonsense", "Host=db;Nonsense=1", "Host=db.example.com;Port=many"]
)
def test_what_is_no_connection_string_is_told(tmp_path: Path, connection: str) -> None:
    with pytest.raises(BadConfiguration):
        kept_at(home_of(tmp_path, "a"), connection, UPLOAD, system_clock)
