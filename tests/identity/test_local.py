import pytest
from argon2 import PasswordHasher
from structlog.testing import capture_logs

from hermetic.access.principals import Principal, Role
from hermetic.errors import BadInput, Conflict, NotFound, Unauthenticated
from hermetic.identity.local import LocalAccounts
from hermetic.identity.passwords import Passwords, refuse_weak
from tests.support.accounts import ANOTHER, PASSWORD, MemoryAccounts


async def test_the_first_start_makes_the_administrator(
    store: MemoryAccounts, passwords: Passwords
) -> None:
    local = LocalAccounts(store, passwords)
    generated = await local.start()
    assert generated is not None
    refuse_weak(generated)
    assert await local.verify("admin", generated) == Principal("admin", Role.OWNER)


async def test_a_given_password_is_taken_and_not_told(
    store: MemoryAccounts, passwords: Passwords
) -> None:
    local = LocalAccounts(store, passwords)
    assert await local.start(PASSWORD) is None
    assert await local.verify("admin", PASSWORD)


async def test_a_weak_first_password_makes_no_account(
    store: MemoryAccounts, passwords: Passwords
) -> None:
    with pytest.raises(BadInput):
        await LocalAccounts(store, passwords).start("weak")
    assert store.kept == {}


async def test_later_starts_keep_the_password(
    store: MemoryAccounts, passwords: Passwords, local: LocalAccounts
) -> None:
    later = LocalAccounts(store, passwords)
    with capture_logs() as told:
        assert await later.start(ANOTHER) is None
    assert [line["event"] for line in told] == ["account.password_not_used"]
    assert ANOTHER not in str(told)
    assert await later.verify("admin", PASSWORD)
    with pytest.raises(Unauthenticated):
        await later.verify("admin", ANOTHER)


async def test_only_hashes_are_kept(store: MemoryAccounts, local: LocalAccounts) -> None:
    assert PASSWORD not in store.kept["admin"].password_hash


async def test_an_added_account_can_log_in(store: MemoryAccounts, local: LocalAccounts) -> None:
    await local.add("anna", ANOTHER, Role.READER)
    assert await local.verify("anna", ANOTHER) == Principal("anna", Role.READER)
    assert "anna" in store.kept


async def test_a_name_is_given_once(local: LocalAccounts) -> None:
    with pytest.raises(Conflict):
        await local.add("admin", ANOTHER, Role.READER)


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", "a\n", "a" * 129, "-rf", "ä"])
async def test_a_name_that_would_be_trouble_is_refused(local: LocalAccounts, name: str) -> None:
    with pytest.raises(BadInput, match="cannot name an account"):
        await local.add(name, ANOTHER, Role.READER)


async def test_a_new_password_replaces_the_old_one(local: LocalAccounts) -> None:
    await local.set_password("admin", ANOTHER)
    assert await local.verify("admin", ANOTHER)
    with pytest.raises(Unauthenticated):
        await local.verify("admin", PASSWORD)


async def test_a_weak_new_password_leaves_the_old_one(local: LocalAccounts) -> None:
    with pytest.raises(BadInput):
        await local.set_password("admin", "weak")
    assert await local.verify("admin", PASSWORD)


async def test_a_role_can_be_changed(local: LocalAccounts) -> None:
    await local.add("anna", ANOTHER, Role.READER)
    await local.set_role("anna", Role.CONTRIBUTOR)
    assert local.principal("anna") == Principal("anna", Role.CONTRIBUTOR)


async def test_a_removed_account_is_nobody(local: LocalAccounts) -> None:
    await local.add("anna", ANOTHER, Role.READER)
    await local.remove("anna")
    assert local.principal("anna") is None
    with pytest.raises(Unauthenticated):
        await local.verify("anna", ANOTHER)


async def test_the_last_owner_stays(local: LocalAccounts) -> None:
    with pytest.raises(Conflict, match="only Owner"):
        await local.remove("admin")
    with pytest.raises(Conflict, match="only Owner"):
        await local.set_role("admin", Role.READER)


async def test_an_owner_who_is_not_the_last_may_go(local: LocalAccounts) -> None:
    await local.add("anna", ANOTHER, Role.OWNER)
    await local.remove("admin")
    assert local.principals() == [Principal("anna", Role.OWNER)]


async def test_there_is_no_changing_of_what_is_not_there(local: LocalAccounts) -> None:
    with pytest.raises(NotFound):
        await local.set_password("nobody", ANOTHER)
    with pytest.raises(NotFound):
        await local.set_role("nobody", Role.READER)
    with pytest.raises(NotFound):
        await local.remove("nobody")


async def test_a_hash_of_old_is_renewed_when_its_owner_comes(
    store: MemoryAccounts, local: LocalAccounts
) -> None:
    before = store.kept["admin"]
    stronger = Passwords(hasher=PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    later = LocalAccounts(store, stronger)
    await later.start()
    await later.verify("admin", PASSWORD)
    await stronger.close()
    assert "m=16,t=2" in store.kept["admin"].password_hash
    assert "m=16,t=2" not in before.password_hash
    assert later.principal("admin") == Principal("admin", Role.OWNER)
