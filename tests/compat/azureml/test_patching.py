"""JSON patches as clients send them."""

import pytest

from hermetic.compat.azureml.messages import PatchItem
from hermetic.compat.azureml.patching import patched
from hermetic.errors import BadInput

BEFORE = {"a": 1, "b": {"c": 2, "d/e": 3}, "f": None}


def item(op: str, path: str, value: object = None) -> PatchItem:
    return PatchItem(op=op, path=path, value=value)


def test_members_are_added_replaced_and_removed() -> None:
    items = [
        item("replace", "/a", 5),
        item("add", "/b/x", 6),
        item("remove", "/b/c"),
        item("remove", "/none"),
        item("replace", "/b/d~1e", 7),
        item("replace", "/f/g", 8),
    ]
    assert patched(BEFORE, items) == {"a": 5, "b": {"d/e": 7, "x": 6}, "f": {"g": 8}}
    assert BEFORE["a"] == 1


@pytest.mark.parametrize(
    "wrong", [item("move", "/a"), item("add", "a"), item("add", "/a/b", 1), item("test", "/a", 1)]
)
def test_what_is_no_change_is_refused(wrong: PatchItem) -> None:
    with pytest.raises(BadInput):
        patched(BEFORE, [wrong])
