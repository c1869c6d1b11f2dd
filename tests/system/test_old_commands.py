"""The command lines of ML Server 9.3 and 9.4, as documented, against real nodes."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hermetic.certificates.envelope import unseal
from hermetic.certificates.keys import KeyKind, generate
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certificates.signing import self_signed
from hermetic.certstore.stores import Stores
from tests.support.certificates import DAY, hierarchy
from tests.support.product import PASSWORD, environment, until

pytestmark = pytest.mark.system

OTHER = "An0ther-Word!"


@dataclass
class Machine:
    """A machine with a home of its own; what runs there is ended with it."""

    home: Path

    def types(self, *words: str, code: int = 0, **variables: str) -> Any:
        """Type `hermetic az` and *words*; return what it printed, read as JSON if it is."""
        done = self.typed(*words, **variables)
        assert done.returncode == code, (done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[", '"')) else done.stdout

    def typed(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hermetic.cli.main", "az", *words],
            env=environment(HERMETIC_HOME=str(self.home), **variables),
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def end(self) -> None:
        for home in (self.home, self.home.with_name(f"{self.home.name}-compute")):
            _end(home / "running.json")


def _end(record: Path) -> None:
    if record.exists():
        os.kill(json.loads(record.read_text())["pid"], signal.SIGTERM)
        until(lambda: not record.exists())


@contextmanager
def machine_in(folder: Path) -> Iterator[Machine]:
    made = Machine(folder / "home")
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with machine_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One box, as `bootstrap` makes it, on a free port."""
    with machine_in(tmp_path_factory.mktemp("old")) as made:
        made.home.mkdir(mode=0o700)
        (made.home / "appsettings.json").write_text(
            '{\n  // any free port\n  "Kestrel": { "Port": 0 }\n}\n'
        )
        words = ("--admin-password", PASSWORD, "--confirm-password", PASSWORD)
        (found,) = made.types("ml", "admin", "bootstrap", *words)
        assert (found["node"], found["running"]) == ("onebox", True)
        made.types("login", "--mls", "-p", PASSWORD, HERMETIC_URL=found["url"])
        yield made


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_bootstrap_keeps_what_stood_in_the_settings_and_marks_them(box: Machine) -> None:
    text = (box.home / "appsettings.json").read_text()
    assert "// any free port" in text
    assert '"configured": "configured"' in text
    assert stat.S_IMODE((box.home / "node.log").stat().st_mode) == 0o600


def test_a_second_bootstrap_says_that_there_is_a_password(box: Machine) -> None:
    words = ("--admin-password", OTHER, "--confirm-password", OTHER)
    done = box.typed("ml", "admin", "bootstrap", *words)
    assert done.returncode == 1
    assert "password set" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--admin-password", "weak", "--confirm-password", "weak"), "too weak"),
        (("--admin-password", PASSWORD, "--confirm-password", OTHER), "differ"),
    ],
)
def test_a_password_that_will_not_do_makes_nothing(
    machine: Machine, words: tuple[str, ...], told: str
) -> None:
    done = machine.typed("ml", "admin", "bootstrap", *words)
    assert done.returncode == 65
    assert told in done.stderr
    assert not machine.home.exists()


def test_code_and_services_are_traced_and_everything_is_diagnosed(box: Machine) -> None:
    admin = ("ml", "admin", "diagnostic")
    told = box.types(*admin, "code", "--runtime", "python", "--block", "print(6 * 7)")
    assert told["statusCode"] == "pass"
    assert "42" in told["result"]["consoleOutput"]
    assert all(step["requestId"] for step in told["trace"])
    told = box.types(*admin, "code", "--runtime", "python", "--block", "1 / 0", code=1)
    assert "ZeroDivisionError" in told["result"]["errorMessage"]
    for word in ("run", "configure"):
        told = box.types("mlserver", "admin", "diagnostic", word)
        assert told["statusCode"] == "pass"
    assert told["status"]["components"]["backends"]["statusCode"] == "pass"


def test_a_service_is_traced(box: Machine, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("def run(x: float) -> float:\n    return x * 2\n")
    words = ["service", "publish", str(script), "--name", "double", "--version", "1.0"]
    subprocess.run(
        [sys.executable, "-m", "hermetic.cli.main", *words],
        env=environment(HERMETIC_HOME=str(box.home)),
        check=True,
        capture_output=True,
    )
    admin = ("ml", "admin", "diagnostic", "service", "--args", '{"x": 21}')
    told = box.types(*admin, "--name", "double", "--version", "1.0")
    assert told["result"]["outputParameters"] == {"result": 42.0}
    assert box.types(*admin, "--name", "double/1.0")["statusCode"] == "pass"
    told = box.types(*admin, "--name", "double/9.9", code=1)
    (step,) = told["trace"]
    assert step["requestId"]
    assert "double" in step["error"]
    assert told["result"] == {"error": step["error"]}


def test_nodes_are_set_up_listed_stopped_and_started(machine: Machine) -> None:
    admin, web, compute = ("ml", "admin"), free_port(), free_port()
    done = machine.typed(*admin, "port", "update", "--webnode", str(web))
    assert "node setup" in done.stderr
    open_door = {"Host": "localhost", "HttpsEnabled": False}
    for home in (machine.home, machine.home.with_name("home-compute")):
        home.mkdir(mode=0o700)
        settings = {"Kestrel": {**open_door, "Port": 1}}
        (home / "appsettings.json").write_text(json.dumps(settings))
    words = ("--webnode", str(web), "--computenode", str(compute))
    ports = machine.types(*admin, "port", "update", *words)
    assert (ports["webnode"], ports["computenode"]) == (web, compute)
    assert machine.types(*admin, "port", "list") == ports
    (made,) = machine.types(*admin, "node", "setup", "--computenode")
    assert made["running"]
    secret = ("--admin-password", PASSWORD, "--confirm-password", PASSWORD)
    uri = f"http://localhost:{compute}"
    (made,) = machine.types(*admin, "node", "setup", "--webnode", "--uri", uri, *secret)
    assert made["running"]
    assert made["url"] == f"http://localhost:{web}"
    machine.types("login", "-p", PASSWORD)
    assert machine.types(*admin, "compute-node-uri", "list") == [uri]
    more = "http://localhost:1-2"
    assert machine.types(*admin, "compute-node-uri", "add", "--uri", more) == [uri, more]
    assert machine.types(*admin, "compute-node-uri", "remove", "--uri", uri) == [more]
    assert uri not in (machine.home / "appsettings.json").read_text()
    (again,) = machine.types(*admin, "node", "setup", "--webnode", "--uri", uri, *secret)
    assert again["running"]
    table = machine.types(*admin, "node", "list", "--output", "table")
    assert "webnode" in table
    assert "computenode" in table
    stopped = machine.types(*admin, "node", "stop", "--computenode")
    assert [one["running"] for one in stopped] == [False]
    running = {one["node"]: one["running"] for one in machine.types(*admin, "node", "list")}
    assert running == {"webnode": True, "computenode": False}
    assert all(one["running"] for one in machine.types(*admin, "node", "start"))
    assert not any(one["running"] for one in machine.types(*admin, "node", "stop"))


def test_the_password_is_changed_and_old_logins_end(machine: Machine) -> None:
    machine.home.mkdir(mode=0o700)
    (machine.home / "appsettings.json").write_text('{"Kestrel": {"Port": 0}}')
    admin = ("ml", "admin")
    machine.types(*admin, "bootstrap", "--admin-password", PASSWORD, "--confirm-password", PASSWORD)
    machine.types("login", "-p", PASSWORD)
    change = (*admin, "password", "set", "--new-password", OTHER, "--confirm-password", OTHER)
    done = machine.typed(*change, "--old-password", "Wr0ng-Word!")
    assert done.returncode == 77
    assert machine.types(*change, "--old-password", PASSWORD)["changed"] is True
    assert (
        machine.typed(
            *admin, "diagnostic", "code", "--runtime", "python", "--block", "1"
        ).returncode
        == 77
    )
    assert machine.typed("login", "-p", PASSWORD).returncode == 77
    machine.types("mlserver", "login", "-p", OTHER)
    assert PASSWORD not in (machine.home / "node.log").read_text()
    assert OTHER not in (machine.home / "node.log").read_text()


def test_a_guesser_of_old_passwords_is_slowed_down(machine: Machine) -> None:
    machine.home.mkdir(mode=0o700)
    (machine.home / "appsettings.json").write_text('{"Kestrel": {"Port": 0}}')
    words = ("--admin-password", PASSWORD, "--confirm-password", PASSWORD)
    machine.types("ml", "admin", "bootstrap", *words)
    guess = (
        "ml",
        "admin",
        "password",
        "set",
        "--new-password",
        OTHER,
        "--old-password",
        "Gu3ss-it!",
    )
    codes = [machine.typed(*guess, "--confirm-password", OTHER).returncode for _ in range(12)]
    assert codes[-1] == 75


def test_credentials_are_listed_and_a_secret_is_sealed_for_one(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "home")
    machine.home.mkdir(mode=0o700)
    stores = Stores(machine.home / "stores")
    key = generate(KeyKind.RSA_2048)
    credential = self_signed(key, name="Sealing", now=hierarchy().now, life=30 * DAY)
    stores.add(StoreLocation.LOCAL_MACHINE, StoreName.MY, credential)
    admin = ("ml", "admin", "credentials")
    subject = credential.chain.subject
    assert machine.types(*admin, "list") == [f"A. {subject} (private key)"]
    words = ("--cert-store-name", "My", "--cert-store-location", "LocalMachine")
    sealed = machine.types(
        *admin, "set", *words, "--cert-subject_name", subject, "--secret", "User ID=x;Password=y"
    )
    assert unseal(sealed, key) == "User ID=x;Password=y"
    for now, kind in ((hierarchy().now + 400 * DAY, KeyKind.RSA_2048), (None, KeyKind.EC_P256)):
        other = self_signed(
            generate(kind), name="Sealing", now=now or hierarchy().now, life=30 * DAY
        )
        stores.add(StoreLocation.LOCAL_MACHINE, StoreName.MY, other)
    again = machine.types(*admin, "set", *words, "--cert", subject, "--secret", "x")
    assert unseal(again, key) == "x"
    done = machine.typed(*admin, "set", "--cert", "CN=nobody", "--secret", "s3cret-Word")
    assert done.returncode == 66
    assert "s3cret-Word" not in done.stderr


def test_no_secret_is_seen_on_the_process_list(machine: Machine) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "hermetic.cli.main", "az", "ml", "admin", "password", "set"),
            *("--old-password", "S3en-by-all!", "--admin-password=S3en-by-all?"),
        ],
        env=environment(HERMETIC_HOME=str(machine.home), HERMETIC_URL="https://127.0.0.1:9"),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    line = Path(f"/proc/{process.pid}/cmdline")
    seen = b"S3en"
    end = time.monotonic() + 20
    while b"S3en" in seen and time.monotonic() < end and process.poll() is None:
        seen = line.read_bytes()
    process.communicate(timeout=60)
    assert b"S3en" not in seen


def test_the_server_that_is_meant_is_said_once_or_each_time(box: Machine, tmp_path: Path) -> None:
    url = json.loads((box.home / "running.json").read_text())["url"]
    elsewhere = Machine(tmp_path / "elsewhere")
    server = ("ml", "admin", "--mls", "--endpoint", url, "--ca", str(box.home / "ca.pem"))
    assert elsewhere.types(*server)["url"] == url
    elsewhere.types("login", "--mls", "-p", PASSWORD)
    words = ("diagnostic", "code", "--runtime", "python", "--block", "print(1)")
    assert elsewhere.types("ml", "admin", *words)["statusCode"] == "pass"
    assert elsewhere.types(*server, *words)["statusCode"] == "pass"
    done = elsewhere.typed("ml", "admin", "--endpoint", "https://127.0.0.1:9", *words)
    assert done.returncode in {69, 77}


def test_what_was_never_supported_is_said(box: Machine) -> None:
    done = box.typed("ml", "admin", "node", "list", "--query", "[")
    assert done.returncode == 2
    assert "JMESPath" in done.stderr
    assert box.typed("ml", "admin", "capacity", "run").returncode == 2
