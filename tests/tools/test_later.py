"""Programs of a later Debian: fetched by apt with a state of its own, unpacked, not installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APT = """#!/bin/sh
echo "$@" >> "$0.told"
case "$*" in *" download "*) dpkg-deb -b "$(dirname "$0")/made" tool_1.0_all.deb;; esac
"""
needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's dpkg-deb")


def fetched(folder: Path, programs: Path | None = None) -> str:
    """Fetch `tool/later` into *folder*, with apt among *programs*; return what was printed."""
    program = f"import later; print(later.fetch('tool/later', {str(folder)!r}))"
    path = f"{programs}:{os.environ['PATH']}" if programs else "/nowhere"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT / "tools",
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with an apt that serves one package."""
    made = tmp_path / "programs" / "made"
    (made / "DEBIAN").mkdir(parents=True)
    (made / "usr" / "bin").mkdir(parents=True)
    (made / "usr" / "bin" / "tool").write_text("#!/bin/sh\n")
    control = (
        "Package: tool\nVersion: 1.0\nArchitecture: all\nMaintainer: t <t@t.test>\nDescription: t\n"
    )
    (made / "DEBIAN" / "control").write_text(control)
    apt = tmp_path / "programs" / "apt-get"
    apt.write_text(APT)
    apt.chmod(0o755)
    return apt.parent


@needs_dpkg
def test_it_is_unpacked_and_apt_knows_nothing_of_it(tmp_path: Path, programs: Path) -> None:
    folder = tmp_path / "later"
    assert fetched(folder, programs).splitlines()[-1] == "True"
    assert [one.name for one in (folder / "usr" / "bin").iterdir()] == ["tool"]
    assert not (folder / "apt").exists()
    for line in (programs / "apt-get.told").read_text().splitlines():
        for directory in ("Dir::State", "Dir::Cache", "Dir::Etc::SourceList"):
            assert f"{directory}={folder}" in line


@needs_dpkg
def test_where_the_suite_has_it_not_nothing_is_left(tmp_path: Path, programs: Path) -> None:
    (programs / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    told = fetched(tmp_path / "later", programs)
    assert "Fetching tool/later failed" in told
    assert told.splitlines()[-1] == "False"
    assert not list((tmp_path / "later").iterdir())


def test_without_apt_it_says_so(tmp_path: Path) -> None:
    assert fetched(tmp_path / "later") == "Only Debian's apt can fetch tool/later.\nFalse\n"
