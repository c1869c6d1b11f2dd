"""The whole tree of errors: what is drawn, what a machine needs, what the manual says."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic import errors
from hermetic.errors import HermeticError

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "errors.md"
EXIT_CODES = {1, 65, 66, 69, 75, 77, 78}
COLUMN = 36


def tree(kind: type[HermeticError] = HermeticError) -> Iterator[type[HermeticError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


KINDS = list(tree())


def drawn(kind: type[HermeticError], before: str = "", branch: str = "") -> Iterator[str]:
    """Draw *kind* and what is below it as the module's docstring does."""
    name = f"{before}{branch}{kind.__name__}"
    yield f"    {name:<{COLUMN}}{kind.type:<26}{kind.status}{kind.exit_code:>4}"
    below = kind.__subclasses__()
    deeper = before + {"": "", "├── ": "│   ", "└── ": "    "}[branch]
    for one in below:
        yield from drawn(one, deeper, "└── " if one is below[-1] else "├── ")


def test_the_tree_is_drawn_as_it_is() -> None:
    assert errors.__doc__ is not None
    pictured = [line for line in errors.__doc__.splitlines() if re.match(r"    .* \d+$", line)]
    assert pictured == list(drawn(HermeticError))


def test_no_error_stands_outside_the_tree() -> None:
    found = {
        one
        for _, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, BaseException) and one.__module__ == errors.__name__
    }
    assert found == set(KINDS)


def test_every_problem_type_is_one_errors_own() -> None:
    assert len({kind.type for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
class TestEachError:
    def test_has_a_type_that_can_stand_in_an_address(self, kind: type[HermeticError]) -> None:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", vars(kind)["type"])

    def test_has_a_status_of_a_failure(self, kind: type[HermeticError]) -> None:
        assert 400 <= kind.status < 600

    def test_has_one_of_the_exit_codes(self, kind: type[HermeticError]) -> None:
        assert kind.exit_code in EXIT_CODES

    def test_says_what_happened_in_sentences(self, kind: type[HermeticError]) -> None:
        said = inspect.cleandoc(vars(kind)["__doc__"])
        assert said[0].isupper()
        assert said.endswith(".")

    def test_has_an_entry_in_the_manual(self, kind: type[HermeticError]) -> None:
        entry = f"| `{kind.type}` | {kind.status} | {kind.exit_code} | "
        assert entry in PAGE.read_text(encoding="utf-8")


def test_the_manual_knows_no_error_that_there_is_not() -> None:
    entries = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(entries) == sorted(kind.type for kind in KINDS)


def test_an_error_is_its_sentence() -> None:
    error = errors.ServiceNotFound("wine", "2.0")
    assert str(error) == error.text
    assert error.members == {"service": "wine", "version": "2.0"}


def test_an_error_without_members_adds_none() -> None:
    assert HermeticError("It broke.").members == {}


def test_a_worker_that_died_tells_how() -> None:
    error = errors.WorkerDied("It died.", -9, "last words")
    assert error.members == {"exitStatus": -9, "stderr": "last words"}
