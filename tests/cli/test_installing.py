"""`hermetic node install`: the unit that is written, the home that is made for it, and refusals."""

import json
import os
import pwd
import stat
import sys
from pathlib import Path

import pytest

from hermetic.cli import main
from hermetic.config.home import Home

Captured = pytest.CaptureFixture[str]
ME = pwd.getpwuid(os.geteuid()).pw_name
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a home for another account")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Where the unit is written."""
    return tmp_path / "hermetic.service"


def install(*line: object) -> int:
    return main.run(["node", "install", *map(str, line)])


def lines(unit: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in unit.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("role", ["web", "compute"])
def test_the_unit_runs_the_node_of_this_installation(
    home: Home, unit: Path, capsys: Captured, role: str
) -> None:
    assert install(role, "--user", ME, "--out", unit) == 0
    command = f"{sys.executable} -I -m hermetic.cli.main node run {role} --home {home.root}"
    assert (lines(unit)["ExecStart"], lines(unit)["User"]) == (command, ME)
    assert stat.S_IMODE(unit.stat().st_mode) == 0o644
    shown = capsys.readouterr().out
    assert f"Wrote {unit}" in shown
    assert f"systemctl enable --now hermetic-{role}.service" in shown


def test_the_command_of_the_unit_can_be_run_as_it_stands(home: Home, unit: Path) -> None:
    assert install("web", "--user", ME, "--out", unit) == 0
    program, *arguments = lines(unit)["ExecStart"].split()
    assert Path(program).samefile(sys.executable)
    assert arguments[:4] == ["-I", "-m", "hermetic.cli.main", "node"]
    assert main.run([*arguments[3:5], "--help"]) == 0


def test_what_was_done_is_told_as_json(home: Home, unit: Path, capsys: Captured) -> None:
    assert install("compute", "--user", ME, "--out", unit, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"unit": str(unit), "account": ME, "home": str(home.root)}


def test_on_standard_output_it_is_shown_and_nothing_is_made(
    tmp_path: Path, capsys: Captured
) -> None:
    home = tmp_path / "new"
    line = ["compute", "--home", home, "--user", "nobody-of-this-name", "--out", "-"]
    assert install(*line) == 0
    assert "User=nobody-of-this-name\n" in capsys.readouterr().out
    assert not home.exists()


def test_the_settings_say_which_rights_and_how_much_time_it_gets(home: Home, unit: Path) -> None:
    settings = {"Kestrel": {"Port": 443}, "Limits": {"DrainSeconds": 40, "NoticeSeconds": 10}}
    home.settings.write_text(json.dumps(settings))
    found = []
    for role in ("web", "compute"):
        assert install(role, "--user", ME, "--out", unit) == 0
        found.append((lines(unit)["TimeoutStopSec"], lines(unit)["AmbientCapabilities"]))
    assert found == [("65", "CAP_NET_BIND_SERVICE"), ("55", "CAP_NET_BIND_SERVICE")]


def test_a_settings_file_is_named_by_its_whole_path(
    home: Home, unit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "web.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    assert install("web", "--user", ME, "--settings", "web.json", "--out", unit) == 0
    assert lines(unit)["ExecStart"].endswith(f"--settings {tmp_path}/web.json")


def test_settings_that_are_wrong_are_told_before_anything_is_made(
    tmp_path: Path, unit: Path, capsys: Captured
) -> None:
    home, file = tmp_path / "new", tmp_path / "wrong.json"
    file.write_text('{"Kestrel": {"Port": 0.5}}')
    assert install("web", "--home", home, "--user", ME, "--settings", file, "--out", unit) == 78
    assert "Kestrel.Port" in capsys.readouterr().err
    assert not home.exists()
    assert not unit.exists()


@AS_ROOT
def test_the_home_is_made_for_the_account_alone(reachable: Path, unit: Path) -> None:
    nobody, home = pwd.getpwnam("nobody"), reachable / "new"
    assert install("web", "--home", home, "--user", "nobody", "--out", unit) == 0
    found = home.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (
        nobody.pw_uid,
        nobody.pw_gid,
        0o700,
    )


@AS_ROOT
def test_a_home_that_is_there_is_left_as_it_is(home: Home, unit: Path) -> None:
    before = home.root.stat()
    assert install("web", "--user", "nobody", "--out", unit) == 0
    assert home.root.stat().st_uid == before.st_uid


def test_an_account_that_is_not_there_is_told_how_to_make_it(
    tmp_path: Path, unit: Path, capsys: Captured
) -> None:
    home = tmp_path / "a home"
    assert install("web", "--home", home, "--user", "nobody-at-all", "--out", unit) == 65
    told = capsys.readouterr().err
    assert f"useradd --system --shell /usr/sbin/nologin --home-dir '{home}' nobody-at-all" in told
    assert not home.exists()
    assert not unit.exists()


@pytest.mark.parametrize("account", ["a b", "x\nExecStartPre=/bin/sh", "%u", "-x", ""])
def test_what_is_no_account_writes_no_unit(
    home: Home, unit: Path, capsys: Captured, account: str
) -> None:
    assert install("web", "--user", account, "--out", unit) == 65
    assert "no account" in capsys.readouterr().err
    assert not unit.exists()


def test_a_home_whose_name_would_begin_another_line_writes_no_unit(
    tmp_path: Path, unit: Path, capsys: Captured
) -> None:
    home = tmp_path / "a\nExecStartPre=sh"
    assert install("web", "--home", home, "--user", ME, "--out", unit) == 65
    assert "control characters" in capsys.readouterr().err
    assert not unit.exists()


def test_a_place_that_cannot_be_written_is_told(
    home: Home, tmp_path: Path, capsys: Captured
) -> None:
    assert install("web", "--user", ME, "--out", tmp_path / "no/such/folder.service") == 78
    assert "no/such/folder.service" in capsys.readouterr().err


def test_what_is_no_role_is_a_mistake_of_usage(unit: Path) -> None:
    assert install("box", "--user", ME, "--out", unit) == 2
    assert not unit.exists()
