import json
import os
from pathlib import Path

import pytest

from hermetic.cli import main
from hermetic.cli.up import Flags
from hermetic.config.home import Home
from hermetic.config.settings import Settings
from hermetic.errors import BadConfiguration
from hermetic.wiring import onebox
from hermetic.wiring.life import Announce, Ready

Captured = pytest.CaptureFixture[str]
CA = Path("/home/ca.pem")


class Box:
    """Stands in for the box itself: keeps with what it was started, and says it is ready."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.password: str | None = None
        self.ready = Ready("https://localhost:1", CA, os.getpid(), None)

    def serve(
        self, home: Home, settings: Settings, *, password: str | None, announce: Announce
    ) -> None:
        self.settings, self.password = settings, password
        announce(self.ready)


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Box:
    box = Box()
    monkeypatch.setattr(onebox, "serve", box.serve)
    return box


@pytest.fixture(autouse=True)
def _umask() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_flags_are_the_strongest_layer(box: Box, home: Home) -> None:
    home.settings.write_text('{"Kestrel": {"Port": 1}, "Pool": {"MaxSize": 9}}')
    line = ["up", "--port", "2", "--workers", "3", "--worker-memory", "1GiB", "--name", "a.example"]
    assert main.run([*line, "--call-deadline", "2.5", "--tls", "modern"]) == 0
    settings = box.settings
    assert (settings.kestrel.port, settings.pool.initial_size) == (2, 3)
    assert (settings.pool.max_size, settings.tls.profile) == (9, "modern")
    assert settings.limits.worker_memory_bytes == 1 << 30
    assert settings.limits.call_seconds == 2.5
    assert settings.certificates.names == ("a.example",)


def test_a_flag_is_named_where_its_value_is_wrong(box: Box, home: Home, capsys: Captured) -> None:
    assert main.run(["up", "--port", "99999"]) == 78
    assert "flag --port: Kestrel.Port takes" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "code"), [("512MiB", 0), ("2g", 0), ("1.5GiB", 2), ("lots", 2)])
def test_sizes_have_units(box: Box, home: Home, text: str, code: int) -> None:
    assert main.run(["up", "--worker-memory", text]) == code


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "box.example"])
def test_plain_http_beyond_this_machine_has_to_be_told_twice(
    box: Box, home: Home, host: str, capsys: Captured
) -> None:
    line = ["up", "--plain-http", "--host", host]
    assert main.run(line) == 78
    assert "Plain HTTP" in capsys.readouterr().err
    assert main.run([*line, "--insecure-plain-http-beyond-this-machine"]) == 0
    assert not box.settings.kestrel.https_enabled


@pytest.mark.parametrize("host", ["localhost", "127.0.0.9", "::1"])
def test_plain_http_on_this_machine_is_served_as_told(box: Box, home: Home, host: str) -> None:
    assert main.run(["up", "--plain-http", "--host", host]) == 0


def test_with_tls_any_address_may_be_listened_on(box: Box, home: Home) -> None:
    assert main.run(["up", "--host", "0.0.0.0"]) == 0


def test_json_is_one_line_with_the_password_only_where_one_was_made(
    box: Box, home: Home, capsys: Captured
) -> None:
    assert main.run(["up", "--json"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert json.loads(shown) == {"url": "https://localhost:1", "ca": str(CA), "pid": os.getpid()}
    box.ready = Ready("https://localhost:1", CA, 1, "Pass-word-1")
    assert main.run(["up", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["password"] == "Pass-word-1"


def test_the_first_start_says_how_to_go_on(box: Box, home: Home, capsys: Captured) -> None:
    box.ready = Ready("https://localhost:1", CA, 1, "Pass-word-1")
    assert main.run(["up"]) == 0
    shown = capsys.readouterr().out
    for part in ("https://localhost:1", str(CA), "Pass-word-1  (shown only now)", "hermetic login"):
        assert part in shown
    assert "Pass-word-1" not in repr(box.ready)


def test_plain_http_is_announced_as_what_it_is(box: Box, home: Home, capsys: Captured) -> None:
    box.ready = Ready("http://localhost:1", None, 1)
    assert main.run(["up", "--plain-http"]) == 0
    shown = capsys.readouterr().out
    assert "anyone may listen" in shown
    assert "hermetic login --plain-http" in shown


def test_a_home_that_is_held_is_refused(box: Box, home: Home, capsys: Captured) -> None:
    with home.locked():
        assert main.run(["up"]) == 75
    assert f"process {os.getpid()}" in capsys.readouterr().err


def test_every_flag_names_a_setting_that_there_is() -> None:
    flags = Flags("h", 1, "modern", True, ("n",), Path("/f"), 1, 1.0, 1, "Error")
    assert len(flags.sources()) == 10
    none = Flags(None, None, None, False, (), None, None, None, None, None)
    assert none.sources() == ()


def test_a_key_others_could_have_read_keeps_the_box_from_starting(home: Home) -> None:
    (home.root / "x").touch()
    home.root.chmod(0o755)
    with pytest.raises(BadConfiguration):
        home.create()
    assert main.run(["up"]) == 78
