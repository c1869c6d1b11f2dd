"""Inputs: what fits, what does not, and what is said about it."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.compute.binding import Inputs, escape
from hermetic.errors import InputMismatch, MalformedBody


def read(kind: str, value: Any) -> Any:
    return Inputs([("x", kind)], old_matrix=True).read(json.dumps({"x": value}).encode())["x"]


def refused(kind: str, value: Any) -> tuple[str, str]:
    with pytest.raises(InputMismatch) as caught:
        read(kind, value)
    found = caught.value.mismatches[0]
    return found.pointer, found.message


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("numeric", 1.5, 1.5),
        ("numeric", 2, 2.0),
        ("integer", 5, 5),
        ("integer", 5.0, 5),
        ("integer", 2**70, 2**70),
        ("logical", True, True),
        ("character", "Grüße ✓", "Grüße ✓"),
        ("character", "", ""),
    ],
)
def test_a_single_value_comes_as_its_type(kind: str, value: Any, expected: Any) -> None:
    found = read(kind, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("numeric", "1"),
        ("numeric", True),
        ("numeric", [1]),
        ("numeric", 10**400),
        ("integer", 5.5),
        ("integer", True),
        ("integer", "5"),
        ("integer", math.nan),
        ("integer", math.inf),
        ("logical", 1),
        ("logical", "true"),
        ("logical", "False"),
        ("character", 1),
        ("character", ["a"]),
        ("vector", 1),
        ("vector", "abc"),
        ("vector", {"a": 1}),
        ("matrix", [1, 2]),
        ("matrix", 1),
        ("data.frame", [[1]]),
        ("data.frame", 1),
    ],
)
def test_a_value_of_another_type_is_refused_at_its_place(kind: str, value: Any) -> None:
    pointer, message = refused(kind, value)
    assert pointer.startswith("/x")
    assert "Input 'x'" in message
    assert kind in message


@pytest.mark.parametrize(
    ("kind", "value", "pointer", "part"),
    [
        ("matrix", [[1, 2], [3]], "/x/1", "equal length"),
        ("matrix", [[1], 2], "/x/1", "a list of rows; a number"),
        ("matrix", [[1, [2]]], "/x/0/1", "single values"),
        ("vector", [1, {}], "/x/1", "an object"),
        ("vector", [[1, 2], [3]], "/x/1", "equal length"),
        ("data.frame", {"a": [1, 2], "b": [1]}, "/x/b", "equal length"),
        ("data.frame", {"a": 1}, "/x/a", "columns that are lists"),
        ("data.frame", {"a/b": [1, [2]]}, "/x/a~1b/1", "single values"),
    ],
)
def test_what_is_wrong_inside_a_value_is_pointed_at(
    kind: str, value: Any, pointer: str, part: str
) -> None:
    found, message = refused(kind, value)
    assert found == pointer
    assert part in message


@pytest.mark.parametrize(
    "kind", ["numeric", "integer", "logical", "character", "vector", "matrix", "data.frame"]
)
def test_null_is_none_in_every_type(kind: str) -> None:
    assert read(kind, None) is None


def test_a_bare_nan_is_a_number_with_decimals() -> None:
    assert math.isnan(Inputs([("x", "numeric")], old_matrix=True).read(b'{"x": NaN}')["x"])
    assert math.isinf(Inputs([("x", "numeric")], old_matrix=True).read(b'{"x": -Infinity}')["x"])


@pytest.mark.parametrize(
    ("value", "kind"),
    [([1, 2], "i"), ([1, 2.5], "f"), (["a"], "U"), ([True], "b"), ([1, "a"], "O")],
)
def test_a_vector_is_an_array_that_holds_what_came(value: list[Any], kind: str) -> None:
    found = read("vector", value)
    assert isinstance(found, np.ndarray)
    assert found.dtype.kind == kind
    assert found.tolist() == value


def test_null_among_numbers_is_nan() -> None:
    assert np.isnan(read("vector", [1, None])).tolist() == [False, True]


def test_a_matrix_is_a_numpy_matrix_for_code_and_an_array_for_functions() -> None:
    assert isinstance(read("matrix", [[1, 2], [3, 4]]), np.matrix)
    inputs = Inputs([("x", "matrix")], old_matrix=False)
    assert type(inputs.read(b'{"x": [[1, 2]]}')["x"]) is np.ndarray


def test_a_data_frame_keeps_the_order_of_its_columns() -> None:
    found = read("data.frame", {"z": [1, 2], "a": ["x", None], "m": [True, False]})
    assert isinstance(found, pd.DataFrame)
    assert list(found.columns) == ["z", "a", "m"]
    assert found["z"].tolist() == [1, 2]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    inputs = Inputs([("a", "numeric"), ("b", "logical"), ("c", "integer")], old_matrix=True)
    with pytest.raises(InputMismatch) as caught:
        inputs.read(b'{"a": "1", "c": 1, "d~e": 2}')
    assert [one.pointer for one in caught.value.mismatches] == ["/a", "/b", "/d~0e"]
    assert "(2 more)" in caught.value.text


def test_an_error_does_not_repeat_the_value_that_came() -> None:
    assert "geheim" not in refused("numeric", "geheim")[1]


@pytest.mark.parametrize("body", [b"[1]", b"1", b'"x"', b"null"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(InputMismatch, match="send an object that holds 'x'"):
        Inputs([("x", "numeric")], old_matrix=True).read(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"x": 1',
        b'{"x": 1}}',
        b"\xff\xfe",
        b'{"x": 01}',
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_a_body_that_is_no_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        Inputs([("x", "numeric")], old_matrix=True).read(body)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert Inputs([("x", "numeric")], old_matrix=True).read(b'\xef\xbb\xbf{"x": 1}') == {"x": 1.0}


@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
def test_a_service_without_inputs_takes_an_empty_object_or_nothing(body: bytes) -> None:
    assert Inputs([], old_matrix=True).read(body) == {}


def test_a_service_without_inputs_takes_no_others() -> None:
    with pytest.raises(InputMismatch, match="takes none"):
        Inputs([], old_matrix=True).read(b'{"x": 1}')


def test_names_are_escaped_in_pointers() -> None:
    assert escape("a/b~c") == "a~1b~0c"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_no_json_value_breaks_the_reading_of_any_type(value: Any) -> None:
    for kind in ("numeric", "integer", "logical", "character", "vector", "matrix", "data.frame"):
        try:
            read(kind, value)
        except InputMismatch as error:
            assert error.mismatches[0].pointer.startswith("/x")  # noqa: PT017


@given(st.binary(max_size=40))
def test_no_body_breaks_the_reading(body: bytes) -> None:
    inputs = Inputs([("x", "data.frame")], old_matrix=True)
    try:
        inputs.read(body)
    except (MalformedBody, InputMismatch) as error:
        assert error.text  # noqa: PT017
