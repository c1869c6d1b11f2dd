import subprocess
import sys
from importlib.metadata import version

import pytest

from hermetic import errors
from hermetic.cli import main

HEAVY = {
    "cryptography",
    "starlette",
    "numpy",
    "httpx2",
    "structlog",
    "uvicorn",
    "msgspec",
    "asyncio",
    "ssl",
}


def test_the_command_itself_loads_nothing_heavy() -> None:
    program = "import sys, hermetic.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert set(done.stdout.decode().split()) & HEAVY == set()


def test_help_names_every_noun(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(noun in shown for noun in ("up", "login", "service", "certificate", "settings"))


@pytest.mark.parametrize("noun", ["up", "login", "service", "certificate", "settings"])
def test_every_noun_can_be_loaded_and_says_what_it_is(
    noun: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run([noun, "--help"]) == 0
    assert f"Usage: hermetic {noun}" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out == f"hermetic {version('hermetic')}\n"


@pytest.mark.parametrize("line", [["serve"], ["service", "publish"], ["up", "--port", "x"]])
def test_a_wrong_usage_exits_with_2(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(line) == 2
    assert "Usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.BadInput("It is wrong."), 65),
        (errors.ServiceNotFound("a", "1"), 66),
        (errors.Unreachable("Nobody."), 69),
        (errors.HomeLocked("Another."), 75),
        (errors.Unauthenticated("Who?"), 77),
        (errors.BadConfiguration("File."), 78),
    ],
)
def test_an_error_is_one_sentence_and_its_exit_code(
    error: errors.HermeticError,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_raising(error, monkeypatch) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"hermetic: {error.text}\n")


def test_a_bug_is_told_without_its_values(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_raising(KeyError("s3cret"), monkeypatch) == 1
    shown = capsys.readouterr().err
    assert "KeyError" in shown
    assert "s3cret" not in shown
    monkeypatch.setenv("HERMETIC_DEBUG", "1")
    assert run_raising(KeyError("key"), monkeypatch) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_raising(KeyboardInterrupt(), monkeypatch) == 130


def test_a_reader_who_leaves_is_no_bug() -> None:
    command = f"{sys.executable} -m hermetic.cli.main --help | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def run_raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail() -> None:
        raise error

    monkeypatch.setattr(main.hermetic, "callback", fail)
    return main.run(["settings", "explain"])


def test_what_only_a_node_needs_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "hermetic.cli.service", raising=False)
    monkeypatch.setitem(sys.modules, "msgspec", None)
    assert main.run(["service", "list"]) == 78
    assert "needs msgspec" in capsys.readouterr().err
