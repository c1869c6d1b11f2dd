import re
from pathlib import Path

import pytest

import hermetic.diagnostics
from hermetic.diagnostics.check import CHECKS, Finding, Level, worst

HOUSE = Path(hermetic.diagnostics.__path__[0]).parent
CODE = re.compile(r'"((?:settings|home|key|disk|certificate|trust|dns|port|hop|strangers|web|login'
                  r'|signing|database|node)\.[a-z-]+)"')  # fmt: skip
ROOMS = ("diagnostics", "wiring/diagnosing.py", "wiring/saying.py", "cli/diagnose.py")


def test_every_code_that_is_found_is_a_check_and_every_check_is_found_somewhere() -> None:
    found: set[str] = set()
    for room in ROOMS:
        place = HOUSE / room
        for file in [place] if place.is_file() else place.glob("*.py"):
            if file.name != "check.py":
                found |= set(CODE.findall(file.read_text()))
    assert found == set(CHECKS)


@pytest.mark.parametrize(
    ("codes", "level"),
    [
        ([], Level.PASS),
        (["disk.fine"], Level.PASS),
        (["disk.fine", "disk.low"], Level.WARN),
        (["disk.low", "disk.full", "disk.fine"], Level.FAIL),
    ],
)
def test_the_whole_is_as_bad_as_the_worst(codes: list[str], level: Level) -> None:
    assert worst(Finding(code, "there", "text") for code in codes) is level
