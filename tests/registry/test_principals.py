import pytest

from hermetic.access.principals import Account, Role
from hermetic.clock import TurnedClock
from hermetic.database.database import Database
from hermetic.errors import Conflict, NotFound
from hermetic.registry.principals import Principals

ANNA = Account("anna", Role.CONTRIBUTOR, "hash")


@pytest.fixture
def principals(database: Database, clock: TurnedClock) -> Principals:
    return Principals(database, clock)


async def test_an_added_account_is_kept(principals: Principals) -> None:
    await principals.add(ANNA)
    assert await principals.all() == [ANNA]


async def test_a_name_is_kept_once(principals: Principals) -> None:
    await principals.add(ANNA)
    with pytest.raises(Conflict, match="already an account 'anna'"):
        await principals.add(Account("anna", Role.OWNER, "other"))
    assert await principals.all() == [ANNA]


async def test_a_replaced_account_is_the_new_one(principals: Principals) -> None:
    await principals.add(ANNA)
    changed = Account("anna", Role.READER, "other")
    await principals.replace(changed)
    assert await principals.all() == [changed]


async def test_a_removed_account_is_gone(principals: Principals) -> None:
    await principals.add(ANNA)
    await principals.remove("anna")
    assert await principals.all() == []


async def test_what_is_not_there_cannot_be_changed(principals: Principals) -> None:
    with pytest.raises(NotFound):
        await principals.replace(ANNA)
    with pytest.raises(NotFound):
        await principals.remove("anna")
