from datetime import timedelta
from typing import Any

import pytest

from hermetic.config.conversion import Given, converted, shown, taken
from hermetic.config.declaration import Choice, Declared, Form, Range
from hermetic.config.tree import Place

LEVEL = Choice(("Warning", "Critical"), synonyms={"fatal": "Critical"})
EVEN = Form("an even text", lambda text: text.lower() if len(text) % 2 == 0 else None)
LIST = tuple[str, ...]


def place(kind: Any, takes: Range | Choice | Form | None = None, *, secret: bool = False) -> Place:
    return Place("A.B", kind, Declared("what it means", takes, is_secret=secret), None)


@pytest.mark.parametrize(
    ("kind", "takes", "given", "expected"),
    [
        (bool, None, "True", True),
        (bool, None, "0", False),
        (bool | None, None, False, False),
        (int, Range(0, 65535), "389", 389),
        (float, Range(0.1), 3, 3.0),
        (timedelta, Range(1), "00:10:00", timedelta(minutes=10)),
        (str, None, " as it is ", " as it is "),
        (str, LEVEL, "fatal", "Critical"),
        (str, LEVEL, "WARNING", "Warning"),
        (str, EVEN, "AB", "ab"),
        (str, EVEN, " ", ""),
        (LIST, None, "a, b,", ("a", "b")),
        (LIST, None, (), ()),
        (LIST, EVEN, ("AB", "CD"), ("ab", "cd")),
    ],
)
def test_what_a_layer_says_becomes_what_the_setting_takes(
    kind: Any, takes: Range | Choice | Form | None, given: Given, expected: object
) -> None:
    found = converted(given, place(kind, takes))
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "takes", "given", "sentence"),
    [
        (bool, None, "maybe", "true or false"),
        (bool | None, None, 2, "true or false"),
        (int, Range(0, 65535), 65536, "a whole number from 0 to 65535"),
        (int, None, 1.5, "a whole number"),
        (int, None, True, "a whole number"),
        (float, Range(0.1), "nan", "a number of at least 0.1"),
        (float, None, 10**400, "a number"),
        (timedelta, None, 600, "a duration such as 00:10:00 or 1.00:00:00 (days before the dot)"),
        (timedelta, Range(1), "00:00:00", " of at least 1 s"),
        (str, LEVEL, "loud", "one of Warning, Critical"),
        (str, EVEN, "ABC", "an even text"),
        (str, None, 1, "a text"),
        (LIST, None, (1,), "a list of texts"),
        (LIST, EVEN, ("AB", "C"), "a list, each an even text"),
    ],
)
def test_what_does_not_fit_is_none_and_the_setting_says_what_it_takes(
    kind: Any, takes: Range | Choice | Form | None, given: Given, sentence: str
) -> None:
    assert converted(given, place(kind, takes)) is None
    assert taken(place(kind, takes)).endswith(sentence)


def test_a_value_is_shown_as_the_file_writes_it_and_a_secret_as_one() -> None:
    assert shown(timedelta(hours=25), place(timedelta)) == "1.01:00:00"
    assert shown(("a",), place(LIST)) == ("a",)
    assert shown("s3cret", place(str, secret=True)) == "(secret)"
    assert shown("", place(str, secret=True)) == ""
