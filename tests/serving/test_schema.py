"""What a service says it takes and gives."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.errors import BadInput
from hermetic.serving.schema import Parameter, Schema, is_file_name
from hermetic.serving.values import WireType

X, Y = Parameter("x", WireType.NUMERIC), Parameter("y", WireType.VECTOR)


@pytest.mark.parametrize("type_", list(WireType))
def test_a_parameter_has_one_of_the_types(type_: WireType) -> None:
    assert Parameter.parse("x", type_.value) == Parameter("x", type_)


@pytest.mark.parametrize("type_", ["", "float", "Numeric", "dataframe"])
def test_another_type_is_refused_and_the_known_ones_are_named(type_: str) -> None:
    with pytest.raises(BadInput, match=r"numeric.*data\.frame"):
        Parameter.parse("x", type_)


@pytest.mark.parametrize("name", ["", "1x", "a-b", "a b", "class", "None"])
def test_a_name_that_no_variable_can_have_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="Python identifier"):
        Parameter.parse(name, "numeric")


def test_an_input_may_be_an_output_too() -> None:
    assert Schema(inputs=(X,), outputs=(X, Y)).outputs == (X, Y)


@pytest.mark.parametrize(
    ("inputs", "outputs", "files", "kind"),
    [
        ((X, X), (), (), "input"),
        ((), (Y, X, Y), (), "output"),
        ((), (), ("a.csv", "a.csv"), "output file"),
    ],
)
def test_the_same_name_twice_is_refused(
    inputs: tuple[Parameter, ...], outputs: tuple[Parameter, ...], files: tuple[str, ...], kind: str
) -> None:
    with pytest.raises(BadInput, match=f"The {kind} '.*' is declared twice"):
        Schema(inputs, outputs, files)


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc/passwd", "C:x", "a\0", "ä" * 128])
def test_an_output_file_has_a_plain_name(name: str) -> None:
    with pytest.raises(BadInput, match="plain name"):
        Schema(files=(name,))


@given(st.text(max_size=300))
def test_a_file_name_never_leads_out_of_its_folder(name: str) -> None:
    if is_file_name(name):
        assert Path(os.path.normpath(f"/folder/{name}")).parent == Path("/folder")
        assert len(os.fsencode(name.encode("utf-8", "replace").decode())) <= 255
