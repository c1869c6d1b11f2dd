"""A certificate from an ACME server: by a command, by settings, and for ever by the node."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.support import pebble as pebbles
from tests.support import product as products
from tests.support.pebble import Pebble, needs_pebble
from tests.support.product import Product, environment, until

pytestmark = [needs_pebble, pytest.mark.system]

NAME = "models.example.test"


@pytest.fixture(scope="module")
def pebble() -> Iterator[Pebble]:
    with pebbles.running() as made:
        yield made


def typed(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hermetic.cli.main", "certificate", "issue", *words],
        env=environment(HERMETIC_HOME=str(home)),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def asking(pebble: Pebble, *more: str, name: str = NAME) -> list[str]:
    words = ["--acme", pebble.directory, "--ca", str(pebble.ca), "--agree-tos", "--name", name]
    return [*words, "--http-port", str(pebble.http_port), *more]


def asked(reach: dict[str, str], *words: str, code: int = 0) -> Any:
    """Ask the node of this home, as its own commands do, by the name localhost."""
    done = subprocess.run(
        [sys.executable, "-m", "hermetic.cli.main", "certificate", *words, "--json"],
        env=reach,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout) if done.stdout else None


def settings_of(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "appsettings.json").read_text())
    return found


def presented(box: Product, pebble: Pebble) -> x509.Certificate | None:
    """Return what is presented to who believes *pebble* alone; `None` if that is not believed."""
    context = ssl.create_default_context(cadata=pebble.root().decode())
    port = int(box.url.rpartition(":")[2])
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=NAME) as sealed,
        ):
            der = sealed.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError:
        return None
    assert der is not None
    return x509.load_der_x509_certificate(der)


def test_one_command_certifies_a_node_and_says_how_it_goes_on(
    pebble: Pebble, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    done = typed(home, *asking(pebble, "--json"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["names"], told["role"], told["file"]) == ([NAME], "api", None)
    written = settings_of(home)["Certificates"]
    assert written["Names"] == [NAME]
    assert written["Acme"]["Directory"] == pebble.directory
    assert written["Acme"]["HttpPort"] == pebble.http_port
    box = products.start(home)
    try:
        first = presented(box, pebble)
        assert first is not None
        ends = datetime.fromisoformat(told["notAfter"])
        assert abs(first.not_valid_after_utc - ends) < timedelta(seconds=1)
        done = typed(home, *asking(pebble))
        assert done.returncode != 0
        assert "stop it" in done.stderr
        assert presented(box, pebble) == first
        token = box.token()
        reach = environment(HERMETIC_HOME=str(home), HERMETIC_TOKEN=token)
        by_entry = {one["entry"]: one for one in asked(reach, "list")}
        assert by_entry["api"]["names"] == [NAME]
        assert "localhost" in by_entry["local"]["names"]
        assert by_entry["api"]["nextRenewal"]
        asked(reach, "renew")
        renewed = presented(box, pebble)
        assert renewed is not None
        assert renewed != first
        told = asked(reach, "revoke", "--reason", "key-compromise")
        assert (told["serial"], told["replaced"]) == (f"{renewed.serial_number:x}", True)
        assert pebble.status_of(renewed.serial_number) == "Revoked"
        after = presented(box, pebble)
        assert after is not None
        assert pebble.status_of(after.serial_number) == "Valid"
        assert asked(reach, "revoke", "local", code=65) is None
        (before,) = asked(reach, "account")
        (changed,) = asked(reach, "account", "--change-key")
        assert (changed["account"], changed["key"] != before["key"]) == (before["account"], True)
        asked(reach, "renew")  # by the node, which goes on with the other key
        box.process.kill()
        box.process.wait()
        assert asked(reach, "revoke")["replaced"] is False
    finally:
        box.process.kill()


def test_settings_alone_will_do(pebble: Pebble, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    acme = {
        "Directory": pebble.directory,
        "Ca": str(pebble.ca),
        "AgreeTos": True,
        "Challenge": "tls-alpn-01",
        "TlsPort": pebble.tls_port,
    }
    settings = {"Certificates": {"Names": [NAME], "Acme": acme}}
    (home / "appsettings.json").write_text(json.dumps(settings))
    box = products.start(home)
    try:
        until(lambda: presented(box, pebble) is not None)
    finally:
        box.stop()


def test_the_nodes_own_port_proves_its_name(pebble: Pebble, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    port = pebble.tls_port
    acme = {
        "Directory": pebble.directory,
        "Ca": str(pebble.ca),
        "AgreeTos": True,
        "Challenge": "tls-alpn-01",
        "TlsPort": port,
    }
    settings = {
        "Kestrel": {"Host": "localhost", "Port": port},
        "Certificates": {"Names": [NAME], "Acme": acme},
    }
    (home / "appsettings.json").write_text(json.dumps(settings))
    box = products.start(home, "--port", str(port))
    try:
        until(lambda: presented(box, pebble) is not None)
        assert asked(environment(HERMETIC_HOME=str(home), HERMETIC_TOKEN=box.token()), "renew")
    finally:
        box.stop()


def test_a_file_with_the_key_is_its_owners_alone(pebble: Pebble, tmp_path: Path) -> None:
    out = tmp_path / "models.pem"
    done = typed(tmp_path / "home", *asking(pebble, "--out", str(out)))
    assert done.returncode == 0, done.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE KEY" in out.read_text()
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    assert not (tmp_path / "home" / "appsettings.json").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--challenge", "dns-01"], "DnsServer"),
        (["--name", "*.example.test"], "dns-01"),
        (["--eab-kid", "x"], "EabKeyFile"),
        (["--acme", "http://acme.test/dir"], "https"),
        (["--role", "signing"], "signing"),
    ],
)
def test_what_cannot_be_meant_is_told_and_changes_nothing(
    pebble: Pebble, tmp_path: Path, more: list[str], told: str
) -> None:
    done = typed(tmp_path / "home", *asking(pebble), *more)
    assert done.returncode == 65
    assert told in done.stderr
    assert not (tmp_path / "home").exists()
