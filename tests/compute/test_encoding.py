"""Outputs: what Python values become in JSON, and which do not fit."""

import datetime
import decimal
import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hermetic.compute.encoding import Outputs, to_json
from hermetic.errors import HermeticError


def written(kind: str, value: Any) -> Any:
    return json.loads(to_json(Outputs([("y", kind)]).write({"y": value})))["y"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("numeric", 1.5, 1.5),
        ("numeric", 2, 2),
        ("numeric", np.float32(0.5), 0.5),
        ("numeric", np.int64(3), 3),
        ("numeric", np.array([13.5]), 13.5),
        ("numeric", np.array(13.5), 13.5),
        ("numeric", decimal.Decimal("1.5"), 1.5),
        ("numeric", math.nan, None),
        ("numeric", math.inf, None),
        ("numeric", np.float64("nan"), None),
        ("integer", 5, 5),
        ("integer", 5.0, 5),
        ("integer", np.int8(5), 5),
        ("logical", True, True),
        ("logical", np.bool_(False), False),
        ("character", "ü✓\ud800", "ü✓\ud800"),
        ("character", np.str_("a"), "a"),
        ("vector", [1, "a", None], [1, "a", None]),
        ("vector", (1, 2), [1, 2]),
        ("vector", np.array([1.0, math.nan]), [1.0, None]),
        ("vector", pd.Series([1, 2]), [1, 2]),
        ("vector", np.array(["2026-01-01"], dtype="M8[D]"), ["2026-01-01"]),
        ("vector", [np.int64(1), np.float32(0.5)], [1, 0.5]),
        ("matrix", np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ("matrix", [[1, 2], (3, 4)], [[1, 2], [3, 4]]),
        ("matrix", pd.DataFrame({"a": [1], "b": [2]}), [[1, 2]]),
        (
            "data.frame",
            {"b": [1, 2], "a": np.array([0.5, math.nan])},
            {"b": [1, 2], "a": [0.5, None]},
        ),
        ("data.frame", pd.DataFrame({"z": [1], "a": ["x"]}, index=[7]), {"z": [1], "a": ["x"]}),
    ],
)
def test_a_value_that_fits_is_written(kind: str, value: Any, expected: Any) -> None:
    found = written(kind, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "kind", ["numeric", "integer", "logical", "character", "vector", "matrix", "data.frame"]
)
def test_none_is_null_in_every_type(kind: str) -> None:
    assert written(kind, None) is None


@pytest.mark.parametrize(
    ("kind", "value", "part"),
    [
        ("numeric", "1", "must be a number; the code set a value of type str"),
        ("numeric", True, "type bool"),
        ("numeric", np.array([1, 2]), "ndarray of shape (2,)"),
        ("integer", 5.5, "a whole number"),
        ("logical", 1, "True or False"),
        ("character", b"x", "a text"),
        ("vector", 1, "a list or an array"),
        ("vector", {1}, "type set"),
        ("matrix", [1, 2], "two dimensions"),
        ("matrix", [[1], [2, 3]], "rows of different lengths"),
        ("data.frame", [1], "a data frame"),
        ("data.frame", {"a": [1], "b": []}, "different lengths"),
        ("data.frame", pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns of one name"),
    ],
)
def test_a_value_that_does_not_fit_is_told_in_a_sentence(kind: str, value: Any, part: str) -> None:
    with pytest.raises(HermeticError, match="Output 'y'") as caught:
        written(kind, value)
    assert part in caught.value.text


def test_an_output_that_was_not_set_is_named() -> None:
    with pytest.raises(HermeticError, match="did not set its output 'y'"):
        Outputs([("y", "numeric")]).write({"x": 1})


def test_times_and_missing_ones_become_texts_and_null() -> None:
    frame = pd.DataFrame(
        {"t": [pd.Timestamp("2026-01-02"), pd.NaT], "n": pd.array([1, None], "Int64")}
    )
    assert written("data.frame", frame) == {"t": ["2026-01-02T00:00:00", None], "n": [1, None]}
    assert written("vector", [datetime.date(2026, 1, 2)]) == ["2026-01-02"]


@pytest.mark.parametrize("value", [[object()], [{1, 2}], [b"x"], [{(1, 2): 3}]])
def test_what_json_cannot_say_is_told_in_a_sentence(value: Any) -> None:
    with pytest.raises(HermeticError, match="An output h"):
        written("vector", value)


def test_a_value_that_contains_itself_is_told_in_a_sentence() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(HermeticError, match="nested too deeply"):
        written("vector", loop)
