"""The border between a worker and code that is not ours."""

import gc
import os
import weakref
from collections.abc import Callable

import pytest

from hermetic.compute.border import Raised, attempt
from hermetic.errors import HermeticError


def raising(error: BaseException) -> Callable[[], object]:
    def work() -> object:
        raise error

    return work


class Large:
    """Something a failing function holds."""


def test_what_comes_back_is_what_was_made() -> None:
    assert attempt(lambda: [1], os.getpid()) == [1]


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (KeyError("k"), "KeyError: 'k'"),
        (SystemExit(3), "sys.exit(3)"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (HermeticError("Too long."), "Too long."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_is_raised_comes_back_told(error: BaseException, part: str) -> None:
    found = attempt(raising(error), os.getpid())
    assert isinstance(found, Raised)
    assert part in found.text
    assert not found.wanted_memory


def test_want_of_memory_is_known() -> None:
    found = attempt(raising(MemoryError()), os.getpid())
    assert isinstance(found, Raised)
    assert found.wanted_memory


def test_nothing_that_a_failing_function_held_is_kept() -> None:
    seen: list[weakref.ref[Large]] = []

    def work() -> None:
        large = Large()
        seen.append(weakref.ref(large))
        raise KeyError(large)

    gc.disable()
    try:
        found = attempt(work, os.getpid())
        assert isinstance(found, Raised)
        assert seen[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("source", "status"), [("pass", 0), ("raise KeyError", 1)], ids=["returned", "raised"]
)
def test_a_fork_that_comes_back_ends_at_the_border(source: str, status: int) -> None:
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        attempt(lambda: exec(source), parent)
        os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
