"""Nodes that start from the settings files of R Server and ML Server, as they were written."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import old_settings as old
from tests.support.product import PASSWORD, environment

pytestmark = [pytest.mark.slow, pytest.mark.system]


@contextmanager
def running(role: str, text: str, folder: Path) -> Iterator[dict[str, Any]]:
    """Run a node from *text* on a free port; give the line it prints when it is ready."""
    file, errors = folder / f"{role}.json", folder / f"{role}.stderr"
    file.write_text(text)
    options = ["--settings", str(file), "--home", str(folder / role), "--json"]
    command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "hermetic.cli.main"]
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*command, "node", "run", role, *options],
            env=environment(HERMETIC__Kestrel__Port="0", HERMETIC_ADMIN_PASSWORD=PASSWORD),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, errors.read_text()
        try:
            yield json.loads(line)
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0, errors.read_text()


@pytest.mark.parametrize(
    ("role", "text"),
    [("web", old.WEB_9_0_1), ("compute", old.COMPUTE_9_0_1)],
    ids=["web 9.0.1", "compute 9.0.1"],
)
def test_a_node_starts_from_an_original_file(tmp_path: Path, role: str, text: str) -> None:
    with running(role, text, tmp_path) as ready:
        assert ready["url"].startswith("http://localhost:")
    told = (tmp_path / f"{role}.stderr").read_text()
    assert old.HASH not in told
    assert old.KEY not in told
