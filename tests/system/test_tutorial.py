"""The tutorial, run as a reader would: its files written, its lines typed, its answers compared."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.product import environment

pytestmark = [pytest.mark.slow, pytest.mark.system]
TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "first-service.md"
FENCE = re.compile(r"^```(\w+) ?([\w.]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "::done::"


@dataclass
class Reader:
    """Somebody at two terminals."""

    shell: subprocess.Popen[str]
    folder: Path
    variables: dict[str, str]
    server: subprocess.Popen[str] | None = None
    seen: str = ""

    def types(self, lines: str) -> int:
        """Type *lines* into the first terminal, keep what is seen, and return the last status."""
        assert self.shell.stdin is not None
        assert self.shell.stdout is not None
        self.shell.stdin.write(f"{lines}\nstatus=$?; echo; echo {MARK} $status\n")
        self.shell.stdin.flush()
        self.seen = ""
        for line in self.shell.stdout:
            if line.startswith(MARK):
                return int(line.split()[1])
            self.seen += line
        raise AssertionError(f"the shell ended:\n{self.seen}")

    def starts(self, lines: str) -> None:
        """Type *lines* into the second terminal, and wait until the box is ready."""
        self.server = subprocess.Popen(
            ["bash", "-c", lines.replace("\nHERMETIC_ADMIN", "\nexec env HERMETIC_ADMIN")],
            cwd=self.folder / "wine",
            env=self.variables,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.server.stdout is not None
        assert any("is ready" in line for line in self.server.stdout)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Any free port, so that the tutorial runs beside a box that has the usual one.
    variables = environment(PATH=path, HERMETIC__Kestrel__Port="0")
    shell = subprocess.Popen(
        ["bash"],
        cwd=tmp_path,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    reader = Reader(shell, tmp_path, variables)
    with shell:
        yield reader
        if reader.server is not None:
            with reader.server:
                reader.server.send_signal(signal.SIGINT)
        assert shell.stdin is not None
        shell.stdin.close()


def test_the_tutorial_works_as_it_stands(reader: Reader) -> None:
    for language, name, text in FENCE.findall(TUTORIAL.read_text()):
        if language == "python":
            (reader.folder / "wine" / name).write_text(text)
        elif language == "text":
            missing = [line for line in text.splitlines() if line not in reader.seen.splitlines()]
            assert missing == [], reader.seen
        elif name == "server":
            reader.starts(text)
        elif name != "skip":
            status = reader.types(text)
            assert (status != 0) == (name == "fails"), f"{text}\n{reader.seen}"
