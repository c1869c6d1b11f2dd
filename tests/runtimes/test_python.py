import pytest

from hermetic.errors import BadInput
from hermetic.runtimes.python import describe
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.values import WireType


def inputs(source: str) -> list[tuple[str, str]]:
    return [(one.name, str(one.type)) for one in describe(source).inputs]


@pytest.mark.parametrize(
    ("hint", "wire"),
    [
        ("float", "numeric"),
        ("int", "integer"),
        ("str", "character"),
        ("bool", "logical"),
        ("list", "vector"),
        ("list[float]", "vector"),
        ("np.ndarray", "vector"),
        ("np.ndarray[tuple[int], np.dtype]", "vector"),
        ("NDArray[np.float64]", "vector"),
        ("np.matrix", "matrix"),
        ("pd.DataFrame", "data.frame"),
        ("DataFrame", "data.frame"),
        ("'pd.DataFrame'", "data.frame"),
        ("typing.Annotated[float, 'cm']", "numeric"),
    ],
)
def test_each_hint_has_its_type_on_the_wire(hint: str, wire: str) -> None:
    source = f"""
import typing
import numpy as np, pandas as pd
from numpy.typing import NDArray
from pandas import DataFrame
def run(x: {hint}) -> {hint}: ...
"""
    expected = (Parameter("x", WireType(wire)),)
    assert describe(source) == Schema(expected, (Parameter("result", WireType(wire)),))


def test_inputs_keep_their_order_and_the_full_names_of_modules_count() -> None:
    source = "import numpy\ndef run(b: int, a: numpy.ndarray, *, c: str = 'x') -> None: ..."
    assert inputs(source) == [("b", "integer"), ("a", "vector"), ("c", "character")]
    assert describe(source).outputs == ()


def test_the_source_is_never_run() -> None:
    source = "raise SystemExit('it ran')\ndef run(x: float) -> float: return x"
    assert inputs(source) == [("x", "numeric")]


def test_a_function_may_be_async() -> None:
    assert inputs("async def run(x: float) -> float: ...") == [("x", "numeric")]


def test_a_function_of_another_name_is_found() -> None:
    schema = describe("def run(x: int): ...\ndef other(y: bool) -> str: ...", "other")
    assert [one.name for one in schema.inputs] == ["y"]


def test_one_argument_without_a_hint_is_the_whole_body_as_in_azure_ml() -> None:
    assert describe("def init(): ...\ndef run(raw_data): ...") == Schema()


def test_types_told_win_over_hints_and_stand_in_for_missing_ones() -> None:
    told = [Parameter.parse("x", "matrix"), Parameter.parse("y", "numeric")]
    schema = describe(
        "def run(x: float, y): ...", inputs=told, outputs=[Parameter.parse("z", "logical")]
    )
    assert schema.inputs == tuple(told)
    assert [one.name for one in schema.outputs] == ["z"]


def test_inputs_told_beyond_the_named_ones_go_to_the_keywords() -> None:
    told = [Parameter.parse("y", "integer")]
    schema = describe("def run(x: float, **more) -> float: ...", inputs=told)
    assert [one.name for one in schema.inputs] == ["x", "y"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def run(x: float) -> float\n", "s.py:1: this is not Python: expected ':'."),
        ("\x00", "this is not Python"),
        ("x = 1", "s.py defines no run() at its top level, only no function: write `def run("),
        ("def score(): ...\nclass A:\n  def run(self): ...", "only score(): write `def run("),
        ("def init(m): ...\ndef run(): ...", "s.py:1: init() is called without arguments"),
        ("def run(x: float, y) -> float: ...", "s.py:1: y has no type: write `y: float`, or pass"),
        ("def run(x: complex) -> float: ...", "s.py:1: complex is no type x could have"),
        ("def run(x: list[list[float]]) -> float: ...", "list[list[float]] is no type x could"),
        ("def run(x: float | None) -> float: ...", "s.py:1: float | None is no type x could have"),
        ("def run(x: '1 +') -> float: ...", "s.py:1: '1 +' is no type x could have"),
        ("def run(x: float): ...", "s.py:1: run() does not say what it returns: write `-> float`"),
        ("def run(x: float) -> dict: ...", "s.py:1: dict does not name the outputs: pass --output"),
        ("def run(x: float) -> complex: ...", "complex is no type for the wire: pass --output"),
        ("def run(x: float, /) -> float: ...", "s.py:1: run() is called with names, which / forb"),
        ("def run(*x: float) -> float: ...", "s.py:1: *x has no names a caller could use"),
    ],
)
def test_what_is_missing_is_named_with_its_line(source: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        describe(source, file="s.py")
    assert message in caught.value.text


def test_a_typed_dict_needs_its_outputs_told() -> None:
    source = """from typing import TypedDict
class Answer(TypedDict):
    y: float
def run(x: float) -> Answer: ...
"""
    with pytest.raises(BadInput, match="Answer does not name the outputs"):
        describe(source)


def test_an_input_told_that_the_function_does_not_take_is_refused() -> None:
    with pytest.raises(BadInput, match=r"run\(\) takes no 'z', but x: mend --input"):
        describe("def run(x: float) -> float: ...", inputs=[Parameter.parse("z", "numeric")])
