"""The ways to load and call a service's code, without a process around them."""

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dill
import numpy as np
import pytest

from hermetic.compute.programs import Code, Function, copied, function_of, load_objects, load_script
from hermetic.errors import HermeticError, MalformedBody


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """Put back what loading replaces."""
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)


def test_containers_are_copied_at_every_depth_and_models_are_not() -> None:
    model = object()
    value = {"a": [1, {2}], "m": model, "t": ([],), "b": bytearray(b"x"), "n": np.zeros(2)}
    new = copied(value, {})
    assert new["m"] is model
    for name in "atbn":
        assert new[name] is not value[name]
    assert new["t"][0] is not value["t"][0]  # type: ignore[index]


def test_what_containers_share_and_how_they_loop_is_kept() -> None:
    shared: list[Any] = []
    shared.append(shared)
    new = copied([shared, shared], {})
    assert new[0] is new[1] is new[0][0]
    assert new[0] is not shared


def test_a_large_array_is_shared() -> None:
    large = np.zeros(1 << 18)
    assert copied(large, {}) is large


def test_code_gives_back_its_namespace() -> None:
    assert Code("y = x + 1", None, None).run({"x": 1})["y"] == 2


def test_functions_of_the_init_code_see_the_names_of_the_call() -> None:
    program = Code("y = f()", "n = 1\ndef f(by=1, *, times=2): return (n + x) * times", None)
    assert program.run({"x": 5})["y"] == 12


def test_a_name_set_by_a_call_is_gone_in_the_next() -> None:
    program = Code("y = len(l)\nl.append(1)\ndef f(): return y\nf()", "l = []", None)
    for _ in range(2):
        assert program.run({})["y"] == 0
        program.end()


def test_objects_of_the_workspace_are_names_of_the_code(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(dill.dumps({"k": 2}))
    (tmp_path / ".model").write_bytes(b"half written")
    assert load_objects(str(tmp_path)) == {"model": {"k": 2}}
    assert Code("y = model['k']", None, str(tmp_path)).run({})["y"] == 2


def test_an_object_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"junk")
    with pytest.raises(HermeticError, match="'model' cannot be read"):
        load_objects(str(tmp_path))


def test_a_script_is_run_with_its_init_and_stands_in_for_main(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(
        "n = 1\ndef init():\n    global n\n    n = 2\nclass Model: ...\n"
    )
    module = load_script(str(tmp_path / "score.py"))
    assert module.n == 2
    assert sys.modules["__main__"].Model is module.Model


def test_a_script_may_be_called_as_a_module_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("def run(): return 1\n")
    assert load_script(str(tmp_path / "json.py")).run() == 1
    assert hasattr(sys.modules["json"], "loads")


def test_a_function_is_found_by_its_path() -> None:
    module = types.ModuleType("m")
    module.model = types.SimpleNamespace(predict=len)  # type: ignore[attr-defined]
    assert function_of(module, "model.predict") is len
    with pytest.raises(HermeticError, match=r"no function 'model\.fit' in the module"):
        function_of(module, "model.fit")


def call(value: object, *outputs: str) -> dict[str, Any]:
    return Function(lambda: value, inputs=0, outputs=outputs).run({})


async def late() -> int:
    return 7


def test_what_a_function_returns_is_bound_to_its_outputs() -> None:
    assert call({"a": 1}, "y") == {"y": {"a": 1}}
    assert call({"b": 2, "a": 1}, "a", "b") == {"a": 1, "b": 2}
    assert call((1, 2), "a", "b") == {"a": 1, "b": 2}
    assert call(3) == {"result": 3}
    assert call(None) == {}
    assert call(late(), "y") == {"y": 7}


@pytest.mark.parametrize("value", [1, (1, 2, 3), "ab"])
def test_what_cannot_be_bound_is_told_in_a_sentence(value: object) -> None:
    with pytest.raises(HermeticError, match="must return a dict of a, b"):
        call(value, "a", "b")


def test_a_function_of_one_argument_without_inputs_wants_the_body() -> None:
    program = Function(lambda raw: raw, inputs=0, outputs=("y",))
    assert program.raw
    assert program.run_raw(b"text") == {"y": "text"}
    with pytest.raises(MalformedBody):
        program.run_raw(b"\xff")
    assert not Function(lambda: 1, inputs=0, outputs=()).raw
    assert not Function(lambda x: x, inputs=1, outputs=()).raw
