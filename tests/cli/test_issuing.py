"""`hermetic certificate issue`: a certificate for another machine, out of this home's authority."""

import json
import os
import pwd
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.authorisation import Trust
from hermetic.certificates.credential import Credential, pair
from hermetic.certificates.reading import read
from hermetic.certificates.roles import Role
from hermetic.cli import main
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import CertificateRejected
from hermetic.wiring.trusting import HomeTrust

Captured = pytest.CaptureFixture[str]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another account")
NAME = "compute-1.example.com"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "compute-1.pem"


def issue(out: Path, *line: str, role: str = "compute", name: str = NAME) -> int:
    command = ["certificate", "issue", "--role", role, "--name", name, "--out", str(out), *line]
    return main.run(command)


def issued(out: Path) -> Credential:
    return pair(read(out.read_bytes()))


def is_good(home: Home, credential: Credential, role: Role, name: str | None = NAME) -> bool:
    """Whether who trusts *home* believes the credential in that role, and at that name."""
    trust = Trust(tuple(HomeTrust(home).roots()), role)
    try:
        trust.judge(credential.chain.certificates, system_clock(), name=name)
    except CertificateRejected:
        return False
    return True


def test_what_is_issued_is_believed_by_who_trusts_the_home(home: Home, out: Path) -> None:
    assert issue(out, "--name", "192.0.2.7") == 0
    credential = issued(out)
    assert credential.chain.names == (NAME, "192.0.2.7")
    assert len(credential.chain.certificates) == 2
    assert is_good(home, credential, Role.COMPUTE)
    assert not is_good(home, credential, Role.COMPUTE, "other.example.com")
    assert not is_good(home, credential, Role.AUTHENTICATION, None)


@pytest.mark.parametrize("role", [one.value for one in Role])
def test_it_is_good_for_its_role(home: Home, out: Path, role: str) -> None:
    assert issue(out, role=role) == 0
    assert is_good(home, issued(out), Role(role))


def test_the_file_with_its_key_is_its_owners_alone(home: Home, out: Path) -> None:
    before = os.umask(0)
    try:
        assert issue(out) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_the_authority_is_made_once_and_its_root_laid_out(home: Home, tmp_path: Path) -> None:
    assert issue(tmp_path / "one.pem") == 0
    root = home.ca.read_bytes()
    assert issue(tmp_path / "two.pem") == 0
    assert home.ca.read_bytes() == root
    one, two = issued(tmp_path / "one.pem"), issued(tmp_path / "two.pem")
    assert is_good(home, one, Role.COMPUTE)
    assert is_good(home, two, Role.COMPUTE)
    assert one.key_pem != two.key_pem


@pytest.mark.parametrize("days", [1, 397])
def test_it_lives_as_long_as_is_asked(home: Home, out: Path, days: int) -> None:
    assert issue(out, "--days", str(days)) == 0
    left = issued(out).chain.not_after - system_clock()
    assert timedelta(days=days) - timedelta(minutes=5) < left <= timedelta(days=days)


@pytest.mark.parametrize("days", ["0", "398", "many"])
def test_longer_than_anybody_believes_is_a_mistake_of_usage(
    home: Home, out: Path, days: str
) -> None:
    assert issue(out, "--days", days) == 2
    assert not out.exists()
    assert not home.authority.exists()


def test_json_tells_all_but_the_key(home: Home, out: Path, capsys: Captured) -> None:
    assert issue(out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    leaf = issued(out).chain
    assert (told["file"], told["ca"], told["names"]) == (str(out), str(home.ca), [NAME])
    assert told["notAfter"] == f"{leaf.not_after:%Y-%m-%dT%H:%M:%SZ}"
    assert (told["role"], told["subject"]) == ("compute", f"CN={NAME}")
    assert "PRIVATE" not in json.dumps(told)


def test_a_person_reads_what_to_do_with_the_file(home: Home, out: Path, capsys: Captured) -> None:
    assert issue(out) == 0
    shown = capsys.readouterr()
    for part in (str(out), "keep it private", NAME, f"who trusts {home.ca}"):
        assert part in shown.out
    assert "PRIVATE" not in shown.out + shown.err


def test_a_file_that_is_there_is_kept_and_nothing_is_issued(
    home: Home, out: Path, capsys: Captured
) -> None:
    out.write_text("somebody's key")
    assert issue(out) == 65
    assert "remove it, or name another with --out" in capsys.readouterr().err
    assert out.read_text() == "somebody's key"
    assert not home.authority.exists()


@pytest.mark.parametrize("name", ["not a name", "", "a..b", "x" * 64 + ".example.com"])
def test_what_is_no_name_is_refused(home: Home, out: Path, capsys: Captured, name: str) -> None:
    assert issue(out, name=name) == 65
    assert capsys.readouterr().err.startswith("hermetic: ")
    assert not out.exists()


def test_a_place_that_cannot_be_written_is_told(
    home: Home, tmp_path: Path, capsys: Captured
) -> None:
    assert issue(tmp_path / "no/such/folder.pem") == 78
    assert "no/such/folder.pem" in capsys.readouterr().err


@AS_ROOT
def test_root_issues_as_the_owner_of_the_home(reachable: Path, out: Path) -> None:
    home, nobody = Home(reachable / "home"), pwd.getpwnam("nobody")
    home.root.mkdir(mode=0o700)
    os.chown(home.root, nobody.pw_uid, nobody.pw_gid)
    assert issue(out, "--home", str(home.root)) == 0
    made = {path.stat().st_uid for path in home.root.rglob("*")}
    assert made == {nobody.pw_uid}
    assert out.stat().st_uid == os.geteuid()
