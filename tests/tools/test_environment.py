import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout as far as the script sees it, with an environment of this Python."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    base = [sys.executable, "-m", "venv", "--without-pip", "env"]
    subprocess.run(base, cwd=tmp_path, check=True)
    next((tmp_path / "env").glob("lib/python*/site-packages")).joinpath("pip.py").touch()
    return tmp_path


def ask(checkout: Path, question: str) -> str:
    """Answer *question*, an expression, inside the script's own module."""
    program = f"import sys; sys.path[:0] = ['tools']; import environment as e; print({question})"
    command = [sys._base_executable, "-c", program]  # type: ignore[attr-defined]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_environment_that_holds_the_pins_is_left_alone(checkout: Path) -> None:
    assert ask(checkout, "e.is_prepared('env', 'demo')") == "False"
    ask(checkout, "open(e.stamp('env', 'test'), 'w').write(e.digest('test'))")
    assert ask(checkout, "e.is_prepared('env', 'test')") == "True"
    assert ask(checkout, "e.is_prepared('env', 'demo')") == "True"  # test holds demo
    assert ask(checkout, "e.is_prepared('env', 'dev')") == "False"


@pytest.mark.parametrize("file", ["requirements/node.txt", "pyproject.toml"])
def test_a_changed_pin_makes_it_stale(checkout: Path, file: str) -> None:
    ask(checkout, "open(e.stamp('env', 'test'), 'w').write(e.digest('test'))")
    with (checkout / file).open("a") as pins:
        pins.write("# changed\n")
    assert ask(checkout, "e.is_prepared('env', 'test')") == "False"


def test_an_environment_half_made_or_of_another_python_is_not_ours(checkout: Path) -> None:
    assert ask(checkout, "e.is_ours('env')") == "True"
    assert ask(checkout, "e.is_ours('nowhere')") == "False"
    pip = next((checkout / "env").glob("lib/python*/site-packages/pip.py"))
    pip.unlink()  # what an interrupted making leaves
    assert ask(checkout, "e.is_ours('env')") == "False"
    pip.touch()
    (checkout / "env/bin/python").unlink()
    (checkout / "env/bin/python").write_text("#!/bin/sh\necho 3 10 /usr\n")
    (checkout / "env/bin/python").chmod(0o755)
    assert ask(checkout, "e.is_ours('env')") == "False"


def test_every_pin_is_exact_and_names_no_host() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        for line in path.read_text().splitlines():
            assert line.startswith(("#", "-r ")) or line.count("==") == 1
            assert "//" not in line
