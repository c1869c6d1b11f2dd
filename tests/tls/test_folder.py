"""Reading a pair from a folder, in whichever of the three layouts."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hermetic.certificates.keys import encode_public
from hermetic.certstore.files import FileStore
from hermetic.errors import CertificateRejected
from hermetic.tls.folder import digest_of, read_folder
from tests.support.bad_pairs import BAD_PAIRS, BadPair
from tests.support.certificates import Hierarchy
from tests.support.volumes import SecretVolume, lay, pair_of

NOBODY = 65534
# What only a look at the time, the names and the role tells: `acceptance` refuses these.
FOR_ACCEPTANCE = {"expired", "not-yet-valid", "wrong-name", "wrong-purpose"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "api"


@pytest.fixture
def somebody(folder: Path, authority: Hierarchy) -> Iterator[None]:
    """Lay a pair whose key nobody may read, and be a user whom that binds until the test ends."""
    lay(folder, pair_of(authority.issue()))
    (folder / "tls.key").chmod(0)
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(user)


def test_a_pair_laid_by_a_person_is_read(folder: Path, authority: Hierarchy) -> None:
    credential = authority.issue()
    lay(folder, pair_of(credential))
    assert read_folder(folder).chain == credential.chain


def test_a_secret_volume_is_read(folder: Path, authority: Hierarchy) -> None:
    first, second = authority.issue(), authority.issue()
    volume = SecretVolume(folder, pair_of(first))
    assert read_folder(folder).chain == first.chain
    volume.rotate(pair_of(second))
    assert read_folder(folder).chain == second.chain


def test_an_entry_of_our_store_is_read(tmp_path: Path, authority: Hierarchy) -> None:
    store, credential = FileStore(tmp_path), authority.issue()
    store.write("api", credential)
    assert read_folder(store.folder("api")).chain == credential.chain


def test_the_root_and_the_order_in_the_file_do_not_matter(
    folder: Path, authority: Hierarchy
) -> None:
    credential = authority.issue()
    leaf, intermediate = credential.chain_pem.split(b"-----BEGIN", 2)[1:]
    shuffled = b"".join(b"-----BEGIN" + part for part in (intermediate, leaf))
    lay(folder, {"tls.crt": authority.root_pem + shuffled, "tls.key": credential.key_pem})
    assert read_folder(folder).chain == credential.chain


def test_a_certificate_file_that_holds_the_key_too_is_read(
    folder: Path, authority: Hierarchy
) -> None:
    credential = authority.issue()
    both = credential.chain_pem + credential.key_pem
    lay(folder, {"tls.crt": both, "tls.key": credential.key_pem})
    found = read_folder(folder)
    assert encode_public(found.key.public_key()) == encode_public(credential.key.public_key())


@pytest.mark.parametrize(
    "bad", [one for one in BAD_PAIRS if one.code not in FOR_ACCEPTANCE], ids=str
)
def test_what_cannot_be_read_is_refused_with_its_reason_and_its_file(
    folder: Path, authority: Hierarchy, bad: BadPair
) -> None:
    lay(folder, bad.make(authority))
    with pytest.raises(CertificateRejected) as caught:
        read_folder(folder)
    assert caught.value.code == bad.code
    assert caught.value.text.startswith(str(folder))


def test_a_folder_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(CertificateRejected, match="is not there") as caught:
        read_folder(folder)
    assert caught.value.code == "missing-file"


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)],
    ids=["a folder", "a pipe", "a link to itself"],
)
def test_a_file_that_is_none_is_refused_and_not_waited_for(
    folder: Path, authority: Hierarchy, make: Callable[[Path], None]
) -> None:
    lay(folder, pair_of(authority.issue()))
    key = folder / "tls.key"
    key.unlink()
    make(key)
    with pytest.raises(CertificateRejected) as caught:
        read_folder(folder)
    assert caught.value.code == "unreadable"


@pytest.mark.usefixtures("somebody")
def test_a_file_that_may_not_be_read_is_refused(folder: Path) -> None:
    with pytest.raises(CertificateRejected, match="cannot be read by user") as caught:
        read_folder(folder)
    assert caught.value.code == "unreadable"


def test_an_endless_file_is_not_read_to_its_end(folder: Path, authority: Hierarchy) -> None:
    lay(folder, pair_of(authority.issue()))
    with (folder / "tls.crt").open("wb") as file:
        file.truncate(1 << 32)
    with pytest.raises(CertificateRejected) as caught:
        read_folder(folder)
    assert caught.value.code == "too-large"


def test_two_versions_are_never_mixed(folder: Path, authority: Hierarchy) -> None:
    pairs = [pair_of(authority.issue()) for _ in range(2)]
    volume, done = SecretVolume(folder, pairs[0]), threading.Event()

    def rotate() -> None:
        for turn in range(100):
            volume.rotate(pairs[turn % 2])
        done.set()

    thread = threading.Thread(target=rotate)
    thread.start()
    while not done.is_set():
        read_folder(folder)  # would be a key-mismatch, or a missing-file
    thread.join()


def test_the_digest_tells_contents_apart_and_nothing_else(
    folder: Path, authority: Hierarchy
) -> None:
    pair = pair_of(authority.issue())
    volume = SecretVolume(folder, pair)
    first = digest_of(folder)
    volume.rotate(pair)
    assert digest_of(folder) == first
    volume.rotate(pair_of(authority.issue()))
    assert digest_of(folder) != first


def test_the_digest_tells_when_a_file_goes_and_which(folder: Path, authority: Hierarchy) -> None:
    pair = pair_of(authority.issue())
    lay(folder, pair)
    digests = {digest_of(folder)}
    for name in pair:
        (folder / name).unlink()
        digests.add(digest_of(folder))
        lay(folder, pair)
    assert len(digests) == 3
