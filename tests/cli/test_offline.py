"""The key of the root leaves the machine, nodes go on, and it comes back."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.keys import generate
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import request
from hermetic.certstore.files import FileStore
from hermetic.cli import main
from hermetic.clock import TurnedClock, system_clock
from hermetic.config.home import Home
from hermetic.errors import Conflict
from hermetic.issuers.roots import Roots
from hermetic.wiring.own import own_authority
from hermetic.wiring.trusting import HomeTrust

Captured = pytest.CaptureFixture[str]
REQUEST = request(generate(), names=["a.test"])


def run(*line: str, code: int = 0) -> None:
    assert main.run(["authority", *line]) == code


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
def test_it_leaves_and_comes_back(
    home: Home, tmp_path: Path, capsys: Captured, passphrase: str | None
) -> None:
    authority = own_authority(home, system_clock)
    options = []
    if passphrase is not None:
        (tmp_path / "passphrase").write_text(passphrase + "\n")
        options = ["--passphrase-file", str(tmp_path / "passphrase")]
    out = tmp_path / "root.pem"
    run("offline", "--out", str(out), *options)
    shown = capsys.readouterr()
    assert ("not encrypted" in shown.err) is (passphrase is None)
    assert (b"ENCRYPTED" in out.read_bytes()) is (passphrase is not None)
    assert out.stat().st_mode & 0o777 == 0o600
    assert "root" not in FileStore(home.authority).entries()
    assert [one for one in home.authority.rglob("tls.key") if "root" in one.parts] == []
    # what trusts it goes on, and so does what it signs
    assert HomeTrust(home).roots() == authority.roots
    again = own_authority(home, system_clock)
    chain = asyncio.run(again.issue(REQUEST, Role.API))
    assert again.issued(chain)
    assert authority.issued(chain)
    with pytest.raises(Conflict, match="online"):
        asyncio.run(again.change(Roots.prepare))
    run("offline", "--out", str(tmp_path / "second.pem"), code=1)
    assert not (tmp_path / "second.pem").exists()
    capsys.readouterr()
    run("online", str(out), *options, "--json")
    assert (
        json.loads(capsys.readouterr().out)["root"]
        == own_authority(home, system_clock).hierarchy.root.chain.sha256
    )
    asyncio.run(own_authority(home, system_clock).change(Roots.prepare))


def test_without_it_an_intermediate_that_is_due_goes_on_until_its_end(
    home: Home, tmp_path: Path
) -> None:
    clock = TurnedClock(system_clock())
    own_authority(home, clock)
    run("offline", "--out", str(tmp_path / "root.pem"))
    clock.advance(timedelta(days=900))
    authority = own_authority(home, clock)
    asyncio.run(authority.issue(REQUEST, Role.API))
    clock.advance(timedelta(days=200))
    with pytest.raises(Conflict, match="kept elsewhere"):
        own_authority(home, clock)


def test_a_file_that_is_there_or_of_another_root_changes_nothing(
    home: Home, tmp_path: Path, capsys: Captured
) -> None:
    own_authority(home, system_clock)
    there = tmp_path / "there.pem"
    there.write_text("something")
    run("offline", "--out", str(there), code=65)
    assert there.read_text() == "something"
    assert own_authority(home, system_clock).hierarchy.root.credential is not None
    other = Home(tmp_path / "other")
    other.create()
    own_authority(other, system_clock)
    run("offline", "--out", str(tmp_path / "other.pem"), "--home", str(other.root))
    run("online", str(tmp_path / "other.pem"), code=1)
    run("offline", "--out", str(tmp_path / "root.pem"))
    capsys.readouterr()
    run("online", str(tmp_path / "other.pem"), code=1)
    assert "another root" in capsys.readouterr().err
    assert own_authority(home, system_clock).hierarchy.root.credential is None


def test_a_home_without_an_authority_has_nothing_to_move(home: Home, tmp_path: Path) -> None:
    run("offline", "--out", str(tmp_path / "root.pem"), code=66)
