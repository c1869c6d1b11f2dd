from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import BadInput, NotFound
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Snapshot, check_known, check_new


def snapshot(members: int) -> Snapshot:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    return Snapshot("id", None, "anna", now, RuntimeKind.PYTHON, "digest", 22, members)


def test_a_snapshot_without_members_is_empty() -> None:
    assert snapshot(0).is_empty


def test_a_snapshot_with_a_member_is_not() -> None:
    assert not snapshot(1).is_empty


@pytest.mark.parametrize("name", ["a.csv", "ä b", "-", "x" * 255])
def test_a_plain_name_is_good_for_a_file(name: str) -> None:
    check_new(RuntimeKind.PYTHON, Shelf.FILES, name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "C:x", "a\0", "\u202e", "x" * 256])
@pytest.mark.parametrize("shelf", list(Shelf))
def test_a_name_that_is_not_plain_is_good_for_nothing(shelf: Shelf, name: str) -> None:
    with pytest.raises(BadInput, match="plain name"):
        check_new(RuntimeKind.PYTHON, shelf, name)


@pytest.mark.parametrize("name", ["x", "_x1", "größe"])
def test_an_object_can_be_named_as_a_variable(name: str) -> None:
    check_new(RuntimeKind.PYTHON, Shelf.WORKSPACE, name)


@pytest.mark.parametrize("name", ["a.csv", "1x", "a b"])
def test_an_object_cannot_be_named_as_no_variable_can(name: str) -> None:
    with pytest.raises(BadInput, match="Python identifier"):
        check_new(RuntimeKind.PYTHON, Shelf.WORKSPACE, name)


def test_other_languages_name_their_objects_otherwise() -> None:
    check_new(RuntimeKind.R, Shelf.WORKSPACE, "my.model")


@pytest.mark.parametrize("name", ["a.csv", "\u202e", "a b"])
def test_code_may_have_named_its_files_oddly(name: str) -> None:
    check_known(name)


@given(st.text(max_size=300))
def test_what_may_be_put_in_can_be_found_again(name: str) -> None:
    try:
        check_new(RuntimeKind.PYTHON, Shelf.FILES, name)
    except BadInput:
        return
    check_known(name)


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\0", "x" * 256])
def test_nothing_is_known_by_a_name_that_leads_elsewhere(name: str) -> None:
    with pytest.raises(NotFound):
        check_known(name)
