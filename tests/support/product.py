"""The running product, as a user starts it: `hermetic up` in a home of its own."""

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

PASSWORD = "Sealed-4-tests"


@dataclass
class Product:
    """One box that is running, and what a caller needs to reach it."""

    home: Path
    url: str
    ca: Path
    process: subprocess.Popen[str]
    ready: dict[str, Any]

    @property
    def port(self) -> int:
        """The port it answers on."""
        return int(self.url.rsplit(":", 1)[1].rstrip("/"))

    def client(self, token: str | None = None) -> httpx2.Client:
        """Return an HTTP client that trusts the product's authority, and nobody else."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(
            base_url=self.url,
            verify=ssl.create_default_context(cafile=str(self.ca)),
            headers=headers,
            timeout=30,
            trust_env=False,
        )

    def token(self) -> str:
        """Log the administrator in and return the access token."""
        with self.client() as client:
            answer = client.post("/login", json={"username": "admin", "password": PASSWORD})
            answer.raise_for_status()
            return str(answer.json()["access_token"])

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.home.parent / f"{self.home.name}.stderr").read_text()

    def stop(self, *, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it with a signal and return its exit status."""
        self.process.send_signal(how)
        return self.process.wait(timeout=45)


def environment(**more: str) -> dict[str, str]:
    """Return a clean environment: nothing of the caller's certificates, homes or tokens."""
    kept = {"PATH", "LANG", "LC_ALL", "HOME", "TMPDIR"}
    return {key: value for key, value in os.environ.items() if key in kept} | more


def start(
    home: Path,
    *options: str,
    password: str | None = PASSWORD,
    more: Mapping[str, str] | None = None,
) -> Product:
    """Start one box in *home*, with *more* variables, and return it when it says it is ready."""
    secret = {} if password is None else {"HERMETIC_ADMIN_PASSWORD": password}
    # It ends with the tests, also where one failed before it stopped its product.
    ends = ["setpriv", "--pdeathsig", "KILL"]
    command = [*ends, sys.executable, "-m", "hermetic.cli.main", "up", "--json", "--port", "0"]
    errors = (home.parent / f"{home.name}.stderr").open("a")
    process = subprocess.Popen(
        [*command, "--home", str(home), *options],
        env=environment(**secret, **(more or {})),
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
    )
    errors.close()
    assert process.stdout is not None
    line = process.stdout.readline()
    process.stdout.close()  # it says nothing more, and an open pipe would be left to the collector
    if not line:
        status = process.wait(timeout=30)
        text = (home.parent / f"{home.name}.stderr").read_text()
        raise AssertionError(f"the product ended with {status} before it was ready:\n{text}")
    ready: dict[str, Any] = json.loads(line)
    return Product(
        home, ready["url"].rstrip("/"), Path(ready["ca"] or home / "ca.pem"), process, ready
    )


def until(condition: Callable[[], bool], *, within_s: float = 30) -> None:
    """Ask again and again until *condition* holds."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
