from hermetic.access.principals import ADMINISTRATOR, Account, Role


def test_the_roles_have_the_names_of_the_retired_server() -> None:
    assert list(Role) == ["Owner", "Contributor", "Reader"]


def test_the_hash_of_a_password_is_not_shown() -> None:
    assert "secret" not in repr(Account(ADMINISTRATOR, Role.OWNER, "secret"))
