"""Landlock, tried in processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from hermetic.compute import landlock

pytestmark = pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")

PROGRAM = """
import ctypes, sys
from hermetic.compute import landlock
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
rules = [(path, landlock.READ) for path in sys.argv[2].split(":")]
rules += [(path, landlock.READ | landlock.WRITE) for path in sys.argv[3].split(":")]
landlock.restrict(rules, hidden=sys.argv[1] or None)
for line in sys.stdin.read().splitlines():
    try:
        exec(line)
        print("done")
    except OSError as error:
        print(type(error).__name__)
"""


def attempt(lines: str, *, read: Path, write: Path, hidden: Path | str = "") -> list[str]:
    command = [sys.executable, "-c", PROGRAM, str(hidden), str(read), str(write)]
    return subprocess.run(
        command, input=lines, capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("open", "home/secret", "home/own"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_text("x")
    return tmp_path


def test_what_is_granted_can_be_done_and_nothing_else(tree: Path) -> None:
    own, shown = tree / "home" / "own", tree / "open"
    lines = "\n".join(
        [
            f"open('{shown}/file').read()",
            f"open('{shown}/file', 'a')",
            f"open('{own}/new', 'w')",
            f"open('{tree}/home/secret/file')",
            "import os; os.listdir('/etc')",
        ]
    )
    found = attempt(lines, read=shown, write=own)
    assert found == ["done", "PermissionError", "done", "PermissionError", "PermissionError"]


def test_what_is_hidden_stays_so_below_a_granted_folder(tree: Path) -> None:
    lines = (
        f"open('{tree}/open/file')\nopen('{tree}/home/secret/file')\nopen('{tree}/home/own/file')"
    )
    found = attempt(lines, read=tree, write=tree / "home" / "own", hidden=tree / "home")
    assert found == ["done", "PermissionError", "done"]


def test_what_does_not_exist_is_passed_over(tree: Path) -> None:
    assert attempt("open('/etc/hosts')", read=tree / "none", write=tree) == ["PermissionError"]
