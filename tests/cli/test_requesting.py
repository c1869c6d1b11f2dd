"""A key that is requested for here, certified elsewhere, and found again."""

import json
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from hermetic.certificates.keys import KeyKind
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certificates.signing import leaf
from hermetic.certstore.stores import Stores
from hermetic.cli import main
from hermetic.config.home import Home
from tests.support.certificates import DAY, hierarchy

Captured = pytest.CaptureFixture[str]
OURS = hierarchy()
NAME = "models.example.com"


def requested(home: Home, out: Path, *more: str) -> x509.CertificateSigningRequest:
    line = ["--home", str(home.root), "--name", NAME, "--name", "10.0.0.5", "--out", str(out)]
    assert main.run(["certificate", "request", *line, *more]) == 0
    return x509.load_pem_x509_csr(out.read_bytes())


def issued(request: x509.CertificateSigningRequest, out: Path) -> Path:
    """Certify what was requested, as an authority does."""
    key = request.public_key()
    chain = leaf(
        OURS.intermediate,
        key,  # type: ignore[arg-type]
        names=[NAME, "10.0.0.5"],
        role=Role.API,
        now=OURS.now,
        life=90 * DAY,
    )
    out.write_bytes(chain.pem + OURS.root_pem)
    return out


def test_a_request_that_was_lost_can_be_had_again(
    home: Home, tmp_path: Path, capsys: Captured
) -> None:
    requested(home, tmp_path / "lost.csr")
    (found,) = waiting(home, capsys)
    assert found["request"] == (tmp_path / "lost.csr").read_text()


def waiting(home: Home, capsys: Captured) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main.run(["certificate", "request", "--show", "--json", "--home", str(home.root)]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("kind", [KeyKind.EC_P256, KeyKind.RSA_2048, KeyKind.EC_P384])
def test_what_the_authority_sends_back_finds_its_key(
    home: Home, tmp_path: Path, capsys: Captured, kind: KeyKind
) -> None:
    request = requested(home, tmp_path / "models.csr", "--key-type", kind.value)
    assert request.is_signature_valid
    assert [one["names"] for one in waiting(home, capsys)] == [[NAME, "10.0.0.5"]]
    sent = issued(request, tmp_path / "sent.pem")
    line = ["certificate", "import", str(sent), "--home", str(home.root), "--name", NAME]
    assert main.run(line) == 0
    (kept,) = Stores(home.stores).credentials(StoreLocation.LOCAL_MACHINE, StoreName.MY)
    assert kept.key.public_key() == request.public_key()
    assert waiting(home, capsys) == []


def test_the_key_is_its_owners_alone_and_never_shown(
    home: Home, tmp_path: Path, capsys: Captured
) -> None:
    requested(home, tmp_path / "models.csr")
    keys = list(home.stores.rglob("tls.key"))
    assert len(keys) == 1
    assert stat.S_IMODE(keys[0].stat().st_mode) == 0o600
    shown = capsys.readouterr()
    assert "PRIVATE" not in shown.out + shown.err
    assert b"PRIVATE" not in (tmp_path / "models.csr").read_bytes()


def test_a_certificate_for_another_key_is_refused_and_the_key_goes_on_waiting(
    home: Home, tmp_path: Path, capsys: Captured
) -> None:
    requested(home, tmp_path / "models.csr")
    other = tmp_path / "other.pem"
    other.write_bytes(OURS.issue(NAME).chain_pem)
    assert main.run(["certificate", "import", str(other), "--home", str(home.root)]) == 65
    assert len(waiting(home, capsys)) == 1


def test_two_requests_wait_side_by_side(home: Home, tmp_path: Path, capsys: Captured) -> None:
    requested(home, tmp_path / "one.csr")
    second = requested(home, tmp_path / "two.csr")
    sent = issued(second, tmp_path / "sent.pem")
    assert main.run(["certificate", "import", str(sent), "--home", str(home.root)]) == 0
    assert len(waiting(home, capsys)) == 1


@pytest.mark.parametrize("names", [[], ["--name", "no name"], ["--name", "*.*.example"]])
def test_bad_names_make_nothing(home: Home, names: list[str], capsys: Captured) -> None:
    assert main.run(["certificate", "request", "--home", str(home.root), *names]) == 65
    assert list(home.root.rglob("tls.key")) == []


def test_openssl_reads_the_request(home: Home, tmp_path: Path) -> None:
    requested(home, tmp_path / "models.csr")
    told = subprocess.run(
        ["openssl", "req", "-in", str(tmp_path / "models.csr"), "-noout", "-text", "-verify"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"DNS:{NAME}, IP Address:10.0.0.5" in told.stdout
    assert f"CN = {NAME}" in told.stdout
