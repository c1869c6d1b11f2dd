"""What web nodes have together opens with the key that all of them have, and no other."""

from datetime import timedelta

import pytest

from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import BadConfiguration
from hermetic.registry.leases import Leases
from hermetic.wiring.sharing import Sharing
from tests.support.tokens import signing_key


async def test_who_signs_with_another_key_reads_nothing(home: Home) -> None:
    database = SqliteDatabase(home.database)
    await database.open()
    lease = await Leases(database, system_clock).take("api", "a", timedelta(minutes=1))
    assert lease is not None
    one, same, other = (Sharing(database, signing_key(which)) for which in (0, 0, 1))
    await one.about("api", system_clock).sealed.write("api/x", {"a": b"1"}, lease)
    assert (await same.about("api", system_clock).sealed.read("api/x"))[1] == {"a": b"1"}
    with pytest.raises(BadConfiguration, match="another key"):
        await other.about("api", system_clock).sealed.read("api/x")
    assert "key" not in repr(one)
    await database.close()


async def test_no_two_nodes_are_taken_for_one(home: Home) -> None:
    sharing = Sharing(SqliteDatabase(home.database), signing_key())
    assert sharing.about("api", system_clock).holder != sharing.about("api", system_clock).holder
