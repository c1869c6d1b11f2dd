"""Export: a certificate comes out as it went in, and a key only where nobody else can see it."""

import errno
import os
import pty
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from hermetic.certificates.credential import pair
from hermetic.certificates.reading import read
from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.cli import main
from hermetic.cli.exporting import Wish, exported
from hermetic.config.home import Home
from hermetic.errors import BadInput, NotFound
from tests.support.imports import PASSPHRASE, code_of, material

MACHINE, USER = StoreLocation.LOCAL_MACHINE, StoreLocation.CURRENT_USER
MY, ROOT, CA = StoreName.MY, StoreName.ROOT, StoreName.CERTIFICATE_AUTHORITY
LEAF = thumbprints(material().certificate)[0]
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def stores(home: Home) -> Stores:
    """Stores with our leaf, its key, and whom it is issued by."""
    stores = Stores(home.stores)
    stores.add(USER, MY, material().leaf)
    stores.add_certificates(MACHINE, CA, [material().intermediate])
    stores.add_certificates(MACHINE, ROOT, [material().root])
    return stores


@pytest.fixture
def passphrase(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_bytes(PASSPHRASE + b"\n")
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_chain_goes_out_without_its_key(stores: Stores) -> None:
    for thumbprint in thumbprints(material().certificate):
        data = exported(Wish(thumbprint), stores)
        assert read(data).certificates == material().leaf.chain.certificates
        assert read(data).keys == ()


def test_der_is_the_certificate_alone(stores: Stores) -> None:
    data = exported(Wish(LEAF, form="der"), stores)
    assert x509.load_der_x509_certificate(data) == material().certificate


def test_a_key_goes_out_when_it_is_asked_for(stores: Stores, passphrase: Path) -> None:
    plain = exported(Wish(LEAF, with_key=True), stores)
    assert pair(read(plain)).chain == material().leaf.chain
    encrypted = exported(Wish(LEAF, with_key=True, passphrase_file=passphrase), stores)
    assert code_of(lambda: read(encrypted)) == "encrypted-key"
    assert pair(read(encrypted, passphrase=PASSPHRASE)).chain == material().leaf.chain


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pfx_holds_all_of_it_encrypted(stores: Stores, passphrase: Path, legacy: bool) -> None:
    wish = Wish(LEAF, form="pfx", with_key=True, passphrase_file=passphrase, legacy=legacy)
    data = exported(wish, stores)
    assert code_of(lambda: read(data)) == "encrypted-key"
    found = pair(read(data, passphrase=PASSPHRASE))
    assert (found.chain, found.key_pem) == (material().leaf.chain, material().leaf.key_pem)


def test_an_authority_goes_out_as_it_is(stores: Stores) -> None:
    thumbprint = thumbprints(material().root)[1]
    assert read(exported(Wish(thumbprint), stores)).certificates == (material().root,)
    with pytest.raises(NotFound, match="is not kept here"):
        exported(Wish(thumbprint, with_key=True), stores)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda file: Wish(LEAF, form="pfx"), "--with-key and --passphrase-file"),
        (lambda file: Wish(LEAF, form="pfx", with_key=True), "--passphrase-file"),
        (lambda file: Wish(LEAF, form="pfx", passphrase_file=file), "--with-key"),
        (lambda file: Wish(LEAF, form="der", with_key=True), "DER holds one thing"),
        (lambda file: Wish(thumbprints(material().root)[0], form="pfx"), "write pem or der"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(
    stores: Stores, passphrase: Path, make: Callable[[Path], Wish], told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        exported(make(passphrase), stores)


def test_an_empty_passphrase_is_none(stores: Stores, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\nsecond line")
    wish = Wish(LEAF, form="pfx", with_key=True, passphrase_file=tmp_path / "empty")
    with pytest.raises(BadInput, match="no passphrase in the first line"):
        exported(wish, stores)


def run(*line: object) -> int:
    return main.run(["certificate", *map(str, line)])


@pytest.mark.usefixtures("stores")
def test_a_file_with_a_key_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert run("export", LEAF, "--out", tmp_path / "pair.pem", "--with-key") == 0
        assert run("export", LEAF, "--out", tmp_path / "chain.pem") == 0
    finally:
        os.umask(before)
    assert mode(tmp_path / "pair.pem") == 0o600
    assert mode(tmp_path / "chain.pem") == 0o644
    assert pair(read((tmp_path / "pair.pem").read_bytes())).chain == material().leaf.chain


@pytest.mark.usefixtures("stores")
def test_a_file_that_is_there_is_left_alone(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    assert run("export", LEAF, "--out", tmp_path / "mine") == 65
    assert "exists: remove it" in capsys.readouterr().err
    assert (tmp_path / "mine").read_bytes() == b"mine"


@pytest.mark.usefixtures("stores")
def test_nothing_of_a_file_stays_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert run("export", LEAF, "--out", tmp_path / "pair.pem", "--with-key") == 75
    assert "free some space" in capsys.readouterr().err
    assert not (tmp_path / "pair.pem").exists()


@pytest.mark.usefixtures("stores")
def test_a_place_where_no_file_can_be_made_is_told(tmp_path: Path, capsys: Captured) -> None:
    assert run("export", LEAF, "--out", tmp_path / "absent" / "chain.pem") == 78
    assert "No such file" in capsys.readouterr().err


@pytest.mark.usefixtures("stores")
def test_a_pipe_gets_what_it_asked_for(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert run("export", LEAF, "--format", "der") == 0
    assert x509.load_der_x509_certificate(capfdbinary.readouterr().out) == material().certificate


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("option", [("--with-key",), ("--format", "der")])
def test_a_terminal_gets_neither_a_key_nor_bytes(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured, option: tuple[str, ...]
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb"):
        monkeypatch.setattr("sys.stdout", terminal)
        assert run("export", LEAF, *option) == 65
    assert "name a file with --out" in capsys.readouterr().err


@pytest.mark.usefixtures("stores")
def test_what_is_not_there_cannot_be_exported(capsys: Captured) -> None:
    assert run("export", thumbprints(material().neighbour.chain.leaf)[0]) == 66
    assert run("export", "CN=api.example") == 65
    assert "is not a thumbprint" in capsys.readouterr().err


def test_without_stores_there_is_nothing_to_export_and_nothing_is_made(
    home: Home, capsys: Captured
) -> None:
    assert run("export", LEAF) == 66
    assert "`hermetic certificate import` makes them" in capsys.readouterr().err
    assert not home.stores.exists()


def test_what_is_removed_is_gone_with_its_key(home: Home, stores: Stores, capsys: Captured) -> None:
    assert run("remove", LEAF) == 66
    assert "Nothing in My at LocalMachine" in capsys.readouterr().err
    assert run("remove", LEAF, "--store-location", "CurrentUser", "--json") == 0
    assert capsys.readouterr().out == '{"storeName": "My", "storeLocation": "CurrentUser"}\n'
    assert stores.credentials(USER, MY) == ()
    assert list(home.stores.rglob("tls.key")) == []
    assert stores.roots() == (material().root,)
