import pytest

from hermetic.access.principals import Principal, Role
from hermetic.errors import BadInput, NotFound, NotPermitted, TooManyAttempts, Unauthenticated
from hermetic.gateway.access import Access
from hermetic.gateway.accounts import Accounts
from hermetic.identity.local import LocalAccounts
from tests.gateway.conftest import ANNA, RITA
from tests.support.accounts import ANOTHER, PASSWORD

PEER = "192.0.2.1"
ADMIN = Principal("admin", Role.OWNER)


@pytest.fixture
async def accounts(local: LocalAccounts, access: Access) -> Accounts:
    await local.add("anna", PASSWORD, Role.CONTRIBUTOR)
    return Accounts(local, access)


async def test_an_owner_manages_accounts(accounts: Accounts, access: Access) -> None:
    await accounts.add(ADMIN, "bert", ANOTHER, Role.READER)
    await accounts.set_role(ADMIN, "bert", Role.CONTRIBUTOR)
    pair = await access.login("bert", ANOTHER, PEER)
    assert access.authenticate(pair.access_token.encode()).role is Role.CONTRIBUTOR
    assert [one.name for one in accounts.all(ADMIN)] == ["admin", "anna", "bert"]


@pytest.mark.parametrize("principal", [ANNA, RITA])
async def test_nobody_else_does(accounts: Accounts, principal: Principal) -> None:
    with pytest.raises(NotPermitted):
        accounts.all(principal)
    for attempt in (
        accounts.add(principal, "bert", ANOTHER, Role.OWNER),
        accounts.set_role(principal, principal.name, Role.OWNER),
        accounts.set_password(principal, "admin", ANOTHER),
        accounts.remove(principal, "admin"),
    ):
        with pytest.raises(NotPermitted):
            await attempt


async def test_a_new_password_ends_the_logins_made_with_the_old_one(
    accounts: Accounts, access: Access
) -> None:
    pair = await access.login("anna", PASSWORD, PEER)
    other = await access.login("admin", PASSWORD, PEER)
    await accounts.set_password(ADMIN, "anna", ANOTHER)
    with pytest.raises(Unauthenticated):
        access.authenticate(pair.access_token.encode())
    with pytest.raises(Unauthenticated):
        await access.refresh(pair.refresh_token)
    assert await access.login("anna", ANOTHER, PEER)
    assert access.authenticate(other.access_token.encode()) == ADMIN


async def test_ones_own_password_is_changed_by_who_knows_it(
    accounts: Accounts, access: Access
) -> None:
    await accounts.change_password(ANNA, PASSWORD, ANOTHER, PEER)
    assert await access.login("anna", ANOTHER, PEER)


async def test_and_by_nobody_else_however_often_they_try(
    accounts: Accounts, access: Access
) -> None:
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await accounts.change_password(ANNA, ANOTHER, ANOTHER, PEER)
    with pytest.raises(TooManyAttempts):
        await accounts.change_password(ANNA, PASSWORD, ANOTHER, PEER)


async def test_a_weak_new_password_changes_nothing(accounts: Accounts, access: Access) -> None:
    with pytest.raises(BadInput):
        await accounts.change_password(ANNA, PASSWORD, "weak", PEER)
    assert await access.login("anna", PASSWORD, PEER)


async def test_a_removed_account_is_out_at_once_and_for_good(
    accounts: Accounts, access: Access
) -> None:
    pair = await access.login("anna", PASSWORD, PEER)
    await accounts.remove(ADMIN, "anna")
    with pytest.raises(Unauthenticated):
        access.authenticate(pair.access_token.encode())
    await accounts.add(ADMIN, "anna", PASSWORD, Role.OWNER)
    with pytest.raises(Unauthenticated):
        access.authenticate(pair.access_token.encode())
    with pytest.raises(NotFound):
        await accounts.remove(ADMIN, "nobody")
