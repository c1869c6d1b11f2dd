"""The machine's own list of authorities, in the forms in which systems keep it."""

from pathlib import Path

import pytest

from hermetic.certificates.pem import Block
from hermetic.tls.system import system_roots
from tests.support import imports, mint
from tests.support.certificates import Hierarchy


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let OpenSSL look into a folder of ours, which is empty, and at no file."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    return tmp_path


def test_a_file_of_authorities_is_read(
    empty: Path, monkeypatch: pytest.MonkeyPatch, authority: Hierarchy, stranger: Hierarchy
) -> None:
    both = authority.root_certificate, stranger.root_certificate
    (empty / "bundle.crt").write_bytes(b"# ours\n" + imports.pem(*both, both[0]))
    monkeypatch.setenv("SSL_CERT_FILE", str(empty / "bundle.crt"))
    assert system_roots() == both


def test_a_folder_is_read_where_there_is_no_file(
    empty: Path, authority: Hierarchy, stranger: Hierarchy
) -> None:
    (empty / "one.pem").write_bytes(authority.root_pem)
    (empty / "0a1b2c3d.0").symlink_to("one.pem")
    (empty / "two.pem").write_bytes(stranger.root_pem)
    found = {authority.root_certificate, stranger.root_certificate}
    assert set(system_roots()) == found
    assert len(system_roots()) == 2


def test_what_cannot_be_read_is_left_out(empty: Path, authority: Hierarchy) -> None:
    spoilt = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
    (empty / "one.pem").write_bytes(spoilt + authority.root_pem)
    (empty / "two.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\nMAA")
    (empty / "folder").mkdir()
    assert system_roots() == (authority.root_certificate,)


@pytest.mark.usefixtures("empty")
def test_a_machine_without_any_believes_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    assert system_roots() == ()


def test_a_negative_serial_number_is_no_news(
    empty: Path, authority: Hierarchy, recwarn: pytest.WarningsRecorder
) -> None:
    der = imports.der(mint.leaf(mint.authority()))
    serial = b"\x02\x03" + mint.AS_IT_SHOULD_BE.serial.to_bytes(3, "big")
    negative = Block("CERTIFICATE", der.replace(serial, b"\x02\x03\x80\x00\x01")).text
    (empty / "one.pem").write_bytes(negative + authority.root_pem)
    assert system_roots()[-1] == authority.root_certificate
    assert len(system_roots()) == 2
    assert not recwarn.list
