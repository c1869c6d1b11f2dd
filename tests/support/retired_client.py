"""The retired products' own Python client, unmodified, in a virtual environment of its own.

It is a test client only.  Its environment is made on demand beside the checkout's own; the one
function that no Python since 3.6 can run is replaced when the driver starts.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.product import Product, environment

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-mlsdk"
PINS = ROOT / "requirements" / "retired-client.txt"
DRIVER = ROOT / "tests" / "system" / "retired_client_driver.py"


def install() -> Path:
    """Return the interpreter that has the client, installing it first where it is missing."""
    python = VENV / "bin" / "python"
    stamp = VENV / ".pins"
    if stamp.is_file() and stamp.read_text() == PINS.read_text():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "-r", str(PINS)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"azureml-model-management-sdk cannot be installed: {done.stderr[-300:]}")
    stamp.write_text(PINS.read_text())
    return python


class RetiredClient:
    """A process in which the client lives; it plays one scenario after the other."""

    def __init__(self, product: Product) -> None:
        # requests lets these outrank the client's own setting of the CA (reference of the client).
        env = environment(REQUESTS_CA_BUNDLE=str(product.ca), PYTHONWARNINGS="ignore")
        self._process = subprocess.Popen(
            [str(install()), str(DRIVER), product.url],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def play(self, scenario: str, **arguments: Any) -> Any:
        """Play *scenario* and return what the client observed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([scenario, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the client's process ended"
        answer = json.loads(line)
        assert "unexpected" not in answer, answer["unexpected"]
        return answer["observed"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        """End the process, whatever state it is in."""
        with self._process:
            self._process.terminate()
