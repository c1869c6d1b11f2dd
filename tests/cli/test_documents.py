"""Files that are handed over: read together, each thing once, a passphrase only where needed."""

from pathlib import Path

import pytest

from hermetic.cli.documents import asking, contents_of, passphrase_in
from hermetic.errors import BadConfiguration, BadInput, CertificateRejected
from tests.support import imports
from tests.support.imports import PASSPHRASE, material


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return two files: our chain with its key, and an encrypted PKCS#12 of the same."""
    plain, encrypted = tmp_path / "plain.pem", tmp_path / "encrypted.pfx"
    plain.write_bytes(imports.pem(material().key, *material().leaf.chain.certificates))
    encrypted.write_bytes(imports.p12(material().leaf))
    return [plain, encrypted]


def test_what_is_in_several_files_is_found_once(files: list[Path]) -> None:
    asked: list[Path] = []

    def ask(path: Path) -> bytes:
        asked.append(path)
        return PASSPHRASE

    found = contents_of([*files, files[0]], ask)
    assert found.certificates == material().leaf.chain.certificates
    assert len(found.keys) == 1
    assert asked == [files[1]]


def test_where_nobody_can_be_asked_the_option_is_named(files: list[Path]) -> None:
    told = r"encrypted\.pfx: .* give its passphrase \(--passphrase-file FILE\)"
    with pytest.raises(CertificateRejected, match=told):
        contents_of(files, lambda path: None)


def test_the_file_that_is_refused_is_named(files: list[Path]) -> None:
    files[0].write_bytes(b"")
    with pytest.raises(CertificateRejected, match=r"plain\.pem: There is nothing in it"):
        contents_of(files, lambda path: PASSPHRASE)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="Is a directory"):
        contents_of([tmp_path], lambda path: None)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nsomething else"])
def test_a_passphrase_is_the_first_line_of_its_file(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "passphrase").write_bytes(b" two words " + end)
    assert asking(tmp_path / "passphrase")(tmp_path) == b" two words "


def test_a_file_without_a_passphrase_is_refused(tmp_path: Path) -> None:
    (tmp_path / "passphrase").touch()
    with pytest.raises(BadInput, match="no passphrase in the first line"):
        passphrase_in(tmp_path / "passphrase")
