import pytest

from hermetic.access.policy import (
    may_administer,
    may_change,
    may_publish,
    may_run_code,
    may_see_code,
)
from hermetic.access.principals import Principal, Role

OWNER = Principal("olga", Role.OWNER)
ANNA = Principal("anna", Role.CONTRIBUTOR)
READER = Principal("rita", Role.READER)


@pytest.mark.parametrize(
    ("principal", "publishers", "allowed"),
    [
        (OWNER, [], True),
        (OWNER, ["anna"], True),
        (ANNA, [], True),
        (ANNA, ["anna"], True),
        (ANNA, ["bert"], False),
        (ANNA, ["bert", "anna"], True),
        (READER, [], False),
        (READER, ["rita"], False),
    ],
)
def test_who_may_publish_under_a_name(
    principal: Principal, publishers: list[str], allowed: bool
) -> None:
    assert may_publish(principal, publishers) is allowed


@pytest.mark.parametrize(
    ("principal", "owner", "allowed"),
    [
        (OWNER, "anna", True),
        (ANNA, "anna", True),
        (ANNA, "bert", False),
        (READER, "bert", False),
        (READER, "rita", False),  # whoever lost the role lost the right to their own services
    ],
)
def test_who_may_change_a_service(principal: Principal, owner: str, allowed: bool) -> None:
    assert may_change(principal, owner) is allowed


@pytest.mark.parametrize(
    ("principal", "owner", "allowed"),
    [
        (OWNER, "anna", True),
        (ANNA, "anna", True),
        (ANNA, "bert", False),
        (READER, "anna", False),
        (READER, "rita", True),
    ],
)
def test_who_may_see_the_code(principal: Principal, owner: str, allowed: bool) -> None:
    assert may_see_code(principal, owner) is allowed


def test_only_an_owner_administers() -> None:
    assert [may_administer(one) for one in (OWNER, ANNA, READER)] == [True, False, False]


def test_a_reader_runs_no_code() -> None:
    assert [may_run_code(one) for one in (OWNER, ANNA, READER)] == [True, True, False]
