import pytest
from hypothesis import given
from hypothesis import strategies as st

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


NAMES = st.sampled_from(["anna", "bert", "Anna", ""])
PRINCIPALS = st.builds(Principal, NAMES, st.sampled_from(Role))


@given(NAMES, NAMES, st.lists(NAMES))
def test_a_higher_role_may_whatever_a_lower_one_may(
    name: str, owner: str, publishers: list[str]
) -> None:
    questions = (
        lambda one: may_publish(one, publishers),
        lambda one: may_change(one, owner),
        lambda one: may_see_code(one, owner),
        may_run_code,
        may_administer,
    )
    for may in questions:
        allowed = [may(Principal(name, role)) for role in Role]
        assert allowed == sorted(allowed, reverse=True)


@given(PRINCIPALS, NAMES)
def test_who_may_change_a_service_may_see_its_code(principal: Principal, owner: str) -> None:
    assert may_see_code(principal, owner) or not may_change(principal, owner)


@given(PRINCIPALS, NAMES)
def test_nobody_but_an_owner_touches_what_is_anothers(principal: Principal, owner: str) -> None:
    anothers = principal.role is not Role.OWNER and principal.name != owner
    touches = (
        may_publish(principal, [owner])
        or may_change(principal, owner)
        or may_see_code(principal, owner)
    )
    assert not (anothers and touches)


@given(st.builds(Principal, NAMES, st.just(Role.READER)), st.lists(NAMES))
def test_a_reader_changes_nothing_whatever_the_names(reader: Principal, names: list[str]) -> None:
    assert not may_publish(reader, names)
    assert not any(may_change(reader, owner) for owner in names)
