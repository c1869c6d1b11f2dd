"""Tracebacks of a service's code."""

import pytest

from hermetic.compute.programs import Code
from hermetic.compute.tracebacks import explain
from hermetic.errors import HermeticError


def failure_of(source: str) -> str:
    with pytest.raises(BaseException) as caught:  # noqa: PT011  # code may raise anything
        Code(source, None, None).run({})
    return explain(caught.value)


def test_only_frames_of_the_code_are_shown_with_their_lines() -> None:
    text = failure_of("def f():\n    return {}['k']\nf()")
    assert "return {}['k']" in text
    assert "KeyError: 'k'" in text
    assert "programs.py" not in text


def test_the_cause_is_shown() -> None:
    text = failure_of(
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError('x') from e"
    )
    assert text.index("ZeroDivisionError") < text.index("KeyError")
    assert "programs.py" not in text


def test_an_exit_is_told_in_a_sentence() -> None:
    assert "sys.exit(3)" in failure_of("import sys; sys.exit(3)")


def test_our_own_errors_are_their_sentence() -> None:
    assert explain(HermeticError("Too long.")) == "Too long."


def test_an_endless_recursion_is_short() -> None:
    text = failure_of("def f(): f()\nf()")
    assert "RecursionError" in text
    assert len(text) < 17_000


def test_an_exception_that_cannot_be_printed_is_told_all_the_same() -> None:
    assert "Odd" in failure_of("class Odd(Exception):\n    def __str__(self): 1 / 0\nraise Odd")


def test_want_of_memory_is_told_in_a_sentence() -> None:
    assert "more memory than a worker may take" in explain(MemoryError())
