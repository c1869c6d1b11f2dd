import msgspec
import pytest

from hermetic.cli.inputs import body_of, value_of
from hermetic.errors import BadInput
from hermetic.wire.messages import WebService
from tests.cli.conftest import SERVICE

WINE = msgspec.convert(SERVICE, WebService)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("numeric", "1.5", 1.5),
        ("numeric", "2", 2),
        ("integer", "-3", -3),
        ("logical", "TRUE", True),
        ("logical", "no", False),
        ("character", "a=b", "a=b"),
        ("character", "", ""),
        ("vector", "[1, 2]", [1, 2]),
        ("matrix", "[[1], [2]]", [[1], [2]]),
        ("data.frame", '{"a": [1]}', {"a": [1]}),
    ],
)
def test_a_value_is_read_by_its_type(kind: str, text: str, value: object) -> None:
    assert value_of("x", kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("numeric", "one"),
        ("numeric", "true"),
        ("integer", "1.5"),
        ("logical", "maybe"),
        ("vector", "1"),
        ("matrix", "{}"),
        ("data.frame", "[1]"),
        ("numeric", ""),
    ],
)
def test_a_value_of_another_type_is_refused_with_an_example(kind: str, text: str) -> None:
    with pytest.raises(BadInput, match=f"x is {kind}, not .*: write x="):
        value_of("x", kind, text)


def test_inputs_become_the_body_of_a_call() -> None:
    assert body_of(WINE, ["labels=[]", "alcohol=13"]) == {"labels": [], "alcohol": 13}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["alcohol=1"], r"wine also needs labels=… \(vector\)"),
        (["alcohol=1", "alcohol=2"], "alcohol is given twice"),
        (["acid=1"], r"'acid=1' names no input; wine takes alcohol, labels\."),
        (["alcohol"], "'alcohol' names no input"),
    ],
)
def test_inputs_that_do_not_fit_are_named(values: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        body_of(WINE, values)


def test_a_service_of_the_whole_body_takes_nothing_by_name() -> None:
    raw = msgspec.structs.replace(WINE, input_parameter_definitions=[])
    with pytest.raises(BadInput, match="use --data"):
        body_of(raw, ["x=1"])
