"""azureml-core, unmodified, against the running product: in an environment of its own; and ours.

The client resolves names as the system does, so it lives in a mount namespace with a file of hosts
that the tests write, and with no name server: whatever else it would look up is refused.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.product import PASSWORD, Product, environment
from tests.support.product import start as start_product

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv-azureml"
PINS = ROOT / "requirements" / "azureml-core.txt"
DRIVER = ROOT / "tests" / "system" / "azureml" / "driver.py"
STORAGE = "hermetic.blob.hermetic.internal"
OURS = ROOT / "shims" / "hermetic-azureml" / "src"
CLIENTS = ["azureml-core", "hermetic-azureml"]
SETTINGS = {"HERMETIC__AzureML__PlainHttp": "true", "HERMETIC__AzureML__HttpPort": "0"}


def install() -> Path:
    """Return the interpreter that has the client, installing it first where it is missing."""
    python = VENV / "bin" / "python"
    stamp = VENV / ".pins"
    if stamp.is_file() and stamp.read_text() == PINS.read_text():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(PINS)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        pytest.skip(f"azureml-core cannot be installed: {done.stderr[-300:]}")
    stamp.write_text(PINS.read_text())
    return python


def start(home: Path, **more: str) -> Product:
    """Start one box that answers plain HTTP to what goes without TLS, with *more* variables."""
    return start_product(home, "--workers", "3", more={**SETTINGS, **more})


class AzureMl:
    """A process in which the client lives; it plays one scenario after the other."""

    def __init__(
        self,
        product: Product,
        work: Path,
        storage: str = STORAGE,
        client: str = "azureml-core",
        by_login: bool = False,
        address: str = "127.0.0.1",
    ) -> None:
        """Log in, prepare the client's environment as the manual tells it, and start it.

        Args:
            product: What it speaks to.
            work: A folder for its files, which is not there yet.
            storage: The host name of the storage.
            client: One of `CLIENTS`.
            by_login: Let it find the node and who speaks by the login alone; ours can.
            address: Where the names of the product lead.
        """
        if os.geteuid() != 0:
            pytest.skip("a mount namespace for the client's own hosts file needs root")
        ours = client == "hermetic-azureml"
        python = sys.executable if ours else install()
        self.ours = ours
        self.work, self._hosts, self._address = work, work / "hosts", address
        work.mkdir(parents=True)
        self._hosts.write_text(f"127.0.0.1 localhost\n{address} {storage}\n")
        resolver = work / "resolv.conf"
        resolver.write_text("nameserver 127.0.0.1\n")
        variables = self._variables(product)
        self.bundle = Path(variables["REQUESTS_CA_BUNDLE"])
        if by_login:
            variables = {"HERMETIC_HOME": str(product.home)}
        if ours:
            variables["PYTHONPATH"] = str(OURS)
        inside = (
            f"mount --bind {self._hosts} /etc/hosts && mount --bind {resolver} /etc/resolv.conf"
            f" && exec {python} -W ignore {DRIVER}"
        )
        with (work / "stderr").open("w") as errors:
            self._process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", inside],
                env=environment(**variables, HOME=str(work)),
                cwd=work,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def _variables(self, product: Product) -> dict[str, str]:
        """Return what `hermetic azureml env` prints, after a login."""
        env = environment(HERMETIC_HOME=str(product.home), HERMETIC_PASSWORD=PASSWORD)
        command = [sys.executable, "-m", "hermetic.cli.main"]
        subprocess.run([*command, "login"], env=env, check=True, capture_output=True)
        printed = subprocess.run(
            [*command, "azureml", "env", "--json", "--write-config", str(self.work)],
            env=env,
            check=True,
            capture_output=True,
            text=True,
        )
        variables: dict[str, str] = json.loads(printed.stdout)["variables"]
        return variables

    def resolve(self, *names: str) -> None:
        """Let *names* lead to the product, as their owners' DNS would."""
        with self._hosts.open("a") as file:
            file.writelines(f"{self._address} {name}\n" for name in names)

    def believe(self, pem: bytes) -> None:
        """Let the client trust an authority too, from its next connection on."""
        with self.bundle.open("ab") as file:
            file.write(b"\n" + pem)

    def play(self, scenario: str, **arguments: Any) -> Any:
        """Play *scenario* and return what the client observed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([scenario, arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, (self.work / "stderr").read_text()[-2000:]
        answer = json.loads(line)
        assert "unexpected" not in answer, answer["unexpected"]
        return answer["observed"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        """End the process, whatever state it is in."""
        with self._process:
            self._process.terminate()


def uri_of(client: AzureMl, name: str) -> str:
    uri: str = client.play("show", name=name)["accepted"]["uri"]
    return uri


def serial(product: Product, host: str) -> str:
    """Return the serial number of what is presented to who asks for *host*."""
    return handshake(product, host, "-tls1_3").partition("serial=")[2].split()[0]


def handshake(product: Product, host: str, *options: str) -> str:
    """Shake hands as OpenSSL does, and return what it says of it."""
    where = ["-connect", f"127.0.0.1:{product.port}", "-servername", host]
    shaken = subprocess.run(
        ["openssl", "s_client", *where, "-showcerts", *options],
        input="",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    shown = subprocess.run(
        ["openssl", "x509", "-noout", "-serial", "-subject"],
        input=shaken.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    return shaken.stdout + shaken.stderr + shown.stdout
