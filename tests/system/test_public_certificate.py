"""The page on public certificates, followed to the letter against Pebble."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.config.layers import from_file, resolve
from hermetic.config.settings import Settings
from tests.support import pebble as pebbles
from tests.support.bind import Bind, needs_bind
from tests.support.bind import running as bind_running
from tests.support.pebble import Pebble, needs_pebble
from tests.support.product import environment

pytestmark = [needs_pebble, needs_bind, pytest.mark.slow, pytest.mark.system]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "public-certificate.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall(PAGE.read_text())
COMMANDS = [text for language, text in BLOCKS if language == "sh"]
SERVER = "https://acme-v02.api.letsencrypt.org/directory"


@pytest.fixture(scope="module")
def bind() -> Iterator[Bind]:
    with bind_running("models IN A 127.0.0.1") as made:
        yield made


@pytest.fixture(scope="module")
def pebble(bind: Bind) -> Iterator[Pebble]:
    with pebbles.running(dns=f"127.0.0.1:{bind.port}") as made:
        yield made


def followed(block: str, folder: Path, pebble: Pebble, bind: Bind) -> str:
    """Type a block, with the addresses of this machine for those of the world."""
    key = folder / "update.key"
    if not key.exists():
        bind.key_file(key)
    ports = f"--ca {pebble.ca} --http-port {pebble.http_port}"
    for theirs, ours in {
        SERVER: f"{pebble.directory} {ports}",
        "models.example.com": "models.site.test",
        "203.0.113.7": f"127.0.0.1 --server 127.0.0.1 --server-port {bind.port}",
        "10.0.0.53": f"127.0.0.1:{bind.port}",
        "/etc/hermetic/update.key": str(key),
        "hermetic up": "true",
        "hermetic ": f"{sys.executable} -m hermetic.cli.main ",
    }.items():
        block = block.replace(theirs, ours)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env=environment(HERMETIC_HOME=str(folder / "home")),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_five_minutes_are_enough(pebble: Pebble, bind: Bind, tmp_path: Path) -> None:
    told = followed(COMMANDS[0], tmp_path, pebble, bind)
    assert "ok" in told
    assert "models.site.test" in told
    settings = json.loads((tmp_path / "home" / "appsettings.json").read_text())
    (shown,) = [json.loads(text) for language, text in BLOCKS if language == "json"]
    written = settings["Certificates"]
    assert set(shown["Certificates"]["Acme"]) <= set(written["Acme"])
    assert written["Acme"]["Contact"] == ["admin@example.com"]


def test_a_wildcard_is_proved_by_the_dns(pebble: Pebble, bind: Bind, tmp_path: Path) -> None:
    told = followed(COMMANDS[1], tmp_path, pebble, bind)
    assert "*.models.site.test" in told
    assert not bind.texts("_acme-challenge.models.site.test")


def test_the_settings_of_the_page_are_good() -> None:
    (text,) = [text for language, text in BLOCKS if language == "json"]
    found = resolve(Settings, from_file(text, file="page"), [], ())
    assert found.settings.certificates.acme.directory == SERVER
