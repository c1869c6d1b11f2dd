"""`hermetic node run`: how a node is started, what is told of it, and how it begins again."""

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hermetic.cli import main
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home
from hermetic.config.web import WebSettings
from hermetic.errors import BadConfiguration, Unavailable
from hermetic.wiring import computenode, webnode
from hermetic.wiring.entry import Reread
from hermetic.wiring.life import Announce, Ready

Captured = pytest.CaptureFixture[str]
CA = Path("/home/ca.pem")


class Nodes:
    """Stand in for both kinds of node: keep with what they were started, and say they are ready."""

    def __init__(self) -> None:
        self.web: WebSettings | None = None
        self.compute: ComputeSettings | None = None
        self.password: str | None = None
        self.reread: Reread | None = None
        self.ready = Ready("https://localhost:1", CA, os.getpid())
        self.again = False
        self.made = Path()

    def serve_web(
        self, home: Home, settings: WebSettings, *, password: str | None, announce: Announce
    ) -> None:
        self.web, self.password = settings, password
        self._serve(home, announce)

    def serve_compute(
        self, home: Home, settings: ComputeSettings, *, reread: Reread, announce: Announce
    ) -> bool:
        self.compute, self.reread = settings, reread
        self._serve(home, announce)
        return self.again

    def _serve(self, home: Home, announce: Announce) -> None:
        assert home.root.is_dir()
        self.made = home.root / "made"
        self.made.write_text("")
        announce(self.ready)


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    nodes = Nodes()
    monkeypatch.setattr(webnode, "serve", nodes.serve_web)
    monkeypatch.setattr(computenode, "serve", nodes.serve_compute)
    return nodes


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def run(*line: str) -> int:
    return main.run(["node", "run", *line])


@pytest.mark.parametrize("role", ["web", "compute"])
def test_json_is_one_line_once_it_is_ready(
    nodes: Nodes, home: Home, capsys: Captured, role: str
) -> None:
    assert run(role, "--json") == 0
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert json.loads(shown) == {"url": "https://localhost:1", "ca": str(CA), "pid": os.getpid()}


@pytest.mark.parametrize(("role", "name"), [("web", "web node"), ("compute", "compute node")])
def test_a_person_reads_where_it_is_and_what_to_trust(
    nodes: Nodes, home: Home, capsys: Captured, role: str, name: str
) -> None:
    assert run(role) == 0
    shown = capsys.readouterr().out
    for part in (f"The {name} is ready at https://localhost:1", str(CA), str(home.root), "Ctrl-C"):
        assert part in shown
    assert "password" not in shown


def test_a_password_that_was_made_is_shown_then_and_no_other(
    nodes: Nodes, home: Home, capsys: Captured
) -> None:
    nodes.ready = Ready("https://localhost:1", None, 1, "Made-word-1")
    assert run("web", "--json", "--admin-password", "Given-word-1") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "url": "https://localhost:1",
        "ca": None,
        "pid": 1,
        "password": "Made-word-1",
    }
    assert "Given-word-1" not in shown.out + shown.err
    assert run("web") == 0
    assert "Made-word-1  (shown only now)" in capsys.readouterr().out


def test_the_password_comes_from_the_option_or_from_whoever_starts_it(
    nodes: Nodes, home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("web") == 0
    assert nodes.password is None
    assert run("web", "--admin-password", "Given-word-1") == 0
    assert nodes.password == "Given-word-1"
    (tmp_path / "handed").write_text("Handed-word-1\n")
    descriptor = os.open(tmp_path / "handed", os.O_RDONLY)
    monkeypatch.setenv("HERMETIC_ADMIN_PASSWORD_FD", str(descriptor))
    assert run("web", "--admin-password", "Given-word-1") == 0
    assert nodes.password == "Handed-word-1"


@pytest.mark.parametrize("role", ["web", "compute"])
def test_nothing_it_makes_is_open_to_others(nodes: Nodes, tmp_path: Path, role: str) -> None:
    assert run(role, "--home", str(tmp_path / "new")) == 0
    for path in (nodes.made, nodes.made.parent):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_the_settings_of_the_home_are_used_unless_others_are_named(
    nodes: Nodes, home: Home, tmp_path: Path
) -> None:
    home.settings.write_text('{"Kestrel": {"Port": 1}}')
    (tmp_path / "other.json").write_text('{"Kestrel": {"Port": 2}}')
    assert run("web") == run("compute", "--settings", str(tmp_path / "other.json")) == 0
    assert nodes.web is not None
    assert nodes.compute is not None
    assert (nodes.web.kestrel.port, nodes.compute.kestrel.port) == (1, 2)


@pytest.mark.parametrize("role", ["web", "compute"])
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "There is no settings file"),
        ('{"Kestrel": {"Prot": 1}}', "Kestrel.Port"),
        ("{", "write } here"),
    ],
)
def test_settings_that_are_wrong_keep_it_from_starting(
    nodes: Nodes, tmp_path: Path, capsys: Captured, role: str, text: str | None, told: str
) -> None:
    file, home = tmp_path / "settings.json", tmp_path / "new"
    if text is not None:
        file.write_text(text)
    assert run(role, "--home", str(home), "--settings", str(file)) == 78
    assert told in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize("role", ["web", "compute"])
def test_what_to_know_of_the_settings_is_logged(
    nodes: Nodes, home: Home, capsys: Captured, role: str
) -> None:
    home.settings.write_text('{"Kestrel": {"HttpsEnabled": false}}')
    assert run(role) == 0
    notes = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {one["event"] for one in notes} == {"settings.note"}
    assert all(one["text"] and one["setting"].startswith("Kestrel.") for one in notes)


@pytest.mark.parametrize("role", ["web", "compute"])
def test_a_home_that_another_node_has_is_refused(
    nodes: Nodes, home: Home, capsys: Captured, role: str
) -> None:
    with home.locked():
        assert run(role) == 75
    assert f"process {os.getpid()}" in capsys.readouterr().err
    assert (nodes.web, nodes.compute) == (None, None)


def test_a_compute_node_reads_its_settings_anew_whenever_it_is_asked_to(
    nodes: Nodes, home: Home
) -> None:
    home.settings.write_text('{"ClientCertificate": {"Enabled": false}}')
    assert run("compute") == 0
    assert nodes.reread is not None
    assert nodes.reread().client_certificate.enabled is False
    home.settings.write_text('{"ClientCertificate": {"Issuer": "CN=A", "Subject": "CN=b"}}')
    assert nodes.reread().client_certificate.subject == "CN=b"
    home.settings.write_text('{"ClientCertificate": {"Issuer": "CN=A"')
    with pytest.raises(BadConfiguration):
        nodes.reread()


def test_to_begin_again_it_becomes_the_same_command_anew(
    nodes: Nodes, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    become: list[tuple[str, list[str]]] = []

    def execv(path: str, arguments: list[str]) -> None:
        become.append((path, arguments))
        with home.locked():  # nobody else has the home then
            raise Unavailable("It was become.")

    monkeypatch.setattr(os, "execv", execv)
    monkeypatch.setattr(sys, "orig_argv", ["python3", "-I", "-m", "x", "node", "run", "compute"])
    assert run("compute") == 0
    assert become == []
    nodes.again = True
    assert run("compute") == 69
    command = ["-I", "-m", "x", "node", "run", "compute"]
    assert become == [(sys.executable, [sys.executable, *command])]


@pytest.mark.parametrize("role", ["web", "compute"])
def test_what_keeps_it_from_serving_is_one_sentence(
    nodes: Nodes, home: Home, capsys: Captured, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Unavailable("Port 1 is taken.")

    monkeypatch.setattr({"web": webnode, "compute": computenode}[role], "serve", refuse)
    assert run(role) == 69
    assert capsys.readouterr().err == "hermetic: Port 1 is taken.\n"
