"""The systemd unit of a node, read by systemd itself where it is installed."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from hermetic.errors import BadInput
from hermetic.node.units import Unit

WEB = Unit(
    role="web",
    command=("/opt/hermetic/bin/python", "-I", "-m", "hermetic.cli.main"),
    account="hermetic",
    home=PurePosixPath("/var/lib/hermetic"),
    settings=None,
    port=12800,
    stop_s=45.5,
)
HOSTILE = "a$b %c;d 'e"
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def lines(unit: Unit) -> dict[str, str]:
    """Return the settings of *unit* by name; none of those looked at stands there twice."""
    pairs = (line.partition("=") for line in unit.text().splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


def verified(unit: Unit, folder: Path) -> str:
    """Return what systemd has to say against *unit*."""
    path = folder / unit.name
    path.write_text(unit.text())
    command = ["systemd-analyze", "verify", "--man=no", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [line for line in done.stderr.splitlines() if unit.name in line]
    return f"{done.returncode}" + "".join(told)


def program(folder: Path) -> str:
    """Return the path of a program in *folder*, which is made."""
    folder.mkdir()
    (folder / "python").write_bytes(b"#!/bin/sh\n")
    (folder / "python").chmod(0o755)
    return str(folder / "python")


def test_a_unit_runs_the_node_as_its_account_and_confines_it() -> None:
    found = lines(WEB)
    command = "/opt/hermetic/bin/python -I -m hermetic.cli.main node run web"
    assert found["ExecStart"] == f"{command} --home /var/lib/hermetic"
    assert (found["User"], found["Type"], WEB.name) == (
        "hermetic",
        "notify",
        "hermetic-web.service",
    )
    assert found["ReadWritePaths"] == "/var/lib/hermetic"
    assert (found["ProtectSystem"], found["ProtectHome"]) == ("strict", "yes")


def test_a_settings_file_is_named_where_there_is_one() -> None:
    settings = PurePosixPath("/etc/hermetic/web.json")
    assert lines(replace(WEB, settings=settings))["ExecStart"].endswith(f"--settings {settings}")
    assert "--settings" not in WEB.text()


def test_whoever_stops_it_waits_as_long_as_calls_may_take() -> None:
    assert lines(WEB)["TimeoutStopSec"] == "45"
    assert lines(replace(WEB, stop_s=120.0))["TimeoutStopSec"] == "120"


@pytest.mark.parametrize(("port", "right"), [(443, "CAP_NET_BIND_SERVICE"), (1024, "")])
def test_only_a_low_port_needs_a_privilege(port: int, right: str) -> None:
    found = lines(replace(WEB, port=port))
    assert (found["AmbientCapabilities"], found["CapabilityBoundingSet"]) == (right, right)


@pytest.mark.parametrize(("home", "hidden"), [("/home/h", False), ("/root/h", False), ("/h", True)])
def test_homes_of_people_are_hidden_unless_it_lives_in_one(home: str, hidden: bool) -> None:
    assert ("ProtectHome" in lines(replace(WEB, home=PurePosixPath(home)))) == hidden


def test_a_path_stands_there_as_systemd_reads_it() -> None:
    found = lines(replace(WEB, home=PurePosixPath(f"/srv/{HOSTILE}")))
    assert found["ExecStart"].endswith('--home "/srv/a$$b %%c;d \'e"')
    # Variables are put into command lines only: there it would be a folder of another name.
    assert found["ReadWritePaths"] == '"/srv/a$b %%c;d \'e"'


@pytest.mark.parametrize("path", ["/srv/a\nExecStart=/bin/sh", "/srv/a\tb", "/srv/\u2028"])
def test_a_path_that_would_begin_another_line_is_refused(path: str) -> None:
    with pytest.raises(BadInput, match="control characters"):
        replace(WEB, home=PurePosixPath(path)).text()
    with pytest.raises(BadInput, match="control characters"):
        replace(WEB, settings=PurePosixPath(path)).text()


@pytest.mark.parametrize("account", ["", "a b", "a\nUser=root", "%u", "-x", "a=b", "a;b", ".."])
def test_an_account_that_a_unit_cannot_name_is_refused(account: str) -> None:
    with pytest.raises(BadInput, match="no account"):
        replace(WEB, account=account).text()


@pytest.mark.parametrize("account", ["hermetic", "machine$", "first.last", "_x-1"])
def test_an_account_as_machines_have_them_is_named(account: str) -> None:
    assert lines(replace(WEB, account=account))["User"] == account


@pytest.mark.parametrize("path", ['/opt/a"b/python', "/opt/a'b/python", "/opt/a\\b/python"])
def test_a_program_that_systemd_would_not_start_is_refused(path: str) -> None:
    with pytest.raises(BadInput, match="install Hermetic elsewhere"):
        replace(WEB, command=(path,)).text()


@needs_systemd
@pytest.mark.parametrize("folder", ["plain", "a$b %c;d", "a${HOME}b"])
def test_systemd_has_nothing_against_it(tmp_path: Path, folder: str) -> None:
    command = (program(tmp_path / folder), "-I", "-m", "hermetic.cli.main")
    home = PurePosixPath(tmp_path / HOSTILE)
    assert verified(replace(WEB, command=command, home=home, port=443), tmp_path) == "0"


@needs_systemd
def test_systemd_tells_of_a_program_that_is_not_there(tmp_path: Path) -> None:
    unit = replace(WEB, command=(str(tmp_path / "a$b" / "python"),))
    assert "a$b/python is not executable" in verified(unit, tmp_path)
