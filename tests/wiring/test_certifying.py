"""Our authority for others as a node has it: known by one word, whatever becomes of its root."""

from collections.abc import AsyncIterator

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.certstore.stores import Stores
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.database.sqlite import SqliteDatabase
from hermetic.issuers.roots import Roots
from hermetic.wiring.certifying import certifier
from hermetic.wiring.own import own_authority
from tests.support.certifying import HOUR, csr
from tests.support.tokens import signing_key

OLGA = Principal("olga", Role.OWNER)


@pytest.fixture
async def database(home: Home) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(home.database)
    await database.open()
    yield database
    await database.close()


async def test_accounts_stay_when_the_root_is_replaced(
    home: Home, database: SqliteDatabase
) -> None:
    authority = own_authority(home, system_clock)
    acme, _ = certifier(home, authority, database, signing_key(), system_clock)
    token = await acme.joining.give(OLGA, ["api"], ["a.test"], HOUR)
    secret = acme.certifying.mac_key(token.enrolment.id)
    for step in (Roots.prepare, Roots.activate, Roots.retire):
        await authority.change(step)
    again, _ = certifier(
        home, own_authority(home, system_clock), database, signing_key(), system_clock
    )
    assert [one.id for one in await again.joining.all(OLGA)] == [token.enrolment.id]
    assert again.certifying.mac_key(token.enrolment.id) == secret
    other, _ = certifier(
        home, own_authority(home, system_clock), database, signing_key(1), system_clock
    )
    assert other.certifying.mac_key(token.enrolment.id) != secret


async def test_what_was_revoked_is_believed_here_too_and_clients_are_told_the_roots(
    home: Home, database: SqliteDatabase
) -> None:
    authority = own_authority(home, system_clock)
    acme, lists = certifier(home, authority, database, signing_key(), system_clock)
    await lists.take_in()
    assert Stores(home.stores).revocation_lists() == ()
    assert not home.ca.exists()
    token = await acme.joining.give(OLGA, ["api"], ["a.test"], HOUR)
    account = await acme.certifying.open_account(token.enrolment.id, "a key", [])
    order = await acme.certifying.order(account, ["a.test"])
    await acme.certifying.finalize(account, order, csr("a.test"))
    await acme.joining.expel(OLGA, account.id)
    await authority.change(Roots.prepare)
    lists.publishes = True
    await lists.take_in()
    (found,) = Stores(home.stores).revocation_lists()
    assert len(found) == 1
    assert home.ca.read_bytes() == authority.root_pem
    assert home.ca.read_bytes().count(b"BEGIN") == 2
