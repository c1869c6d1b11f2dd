"""What every maker of `CertificateStore` is held to."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certstore.files import FileStore
from hermetic.certstore.store import CertificateStore
from hermetic.errors import BadInput, Busy, CertificateRejected, NotFound
from tests.support.certificates import hierarchy

Opening = Callable[[], CertificateStore]
"""Opens the same store once more, as another process would."""

ABOVE = hierarchy()


def open_files(root: Path) -> CertificateStore:
    return FileStore(root, patience=timedelta(milliseconds=50))


@pytest.fixture(params=[open_files])
def opening(request: pytest.FixtureRequest, tmp_path: Path) -> Opening:
    maker: Callable[[Path], CertificateStore] = request.param
    return lambda: maker(tmp_path / "certificates")


@pytest.fixture
def store(opening: Opening) -> CertificateStore:
    return opening()


@pytest.fixture
def credential() -> Credential:
    return ABOVE.issue("node.test")


def test_what_was_written_is_read(store: CertificateStore, credential: Credential) -> None:
    store.write("api", credential)
    found = store.read("api")
    assert (found.chain, found.key_pem) == (credential.chain, credential.key_pem)


def test_what_was_written_is_read_by_another_process(
    opening: Opening, credential: Credential
) -> None:
    opening().write("api", credential)
    assert opening().read("api").chain == credential.chain


def test_the_last_write_counts(store: CertificateStore, credential: Credential) -> None:
    store.write("api", ABOVE.issue("earlier.test"))
    store.write("api", credential)
    assert store.read("api").chain == credential.chain


def test_entries_do_not_touch_each_other(store: CertificateStore, credential: Credential) -> None:
    store.write("api", credential)
    store.write("token-signing", ABOVE.root)
    assert store.entries() == ("api", "token-signing")
    assert store.read("api").chain == credential.chain
    assert store.read("token-signing").chain == ABOVE.root.chain


def test_an_entry_that_was_never_written_is_not_found(store: CertificateStore) -> None:
    assert store.entries() == ()
    with pytest.raises(NotFound, match="'api'"):
        store.read("api")


def test_a_key_that_does_not_fit_changes_nothing(
    store: CertificateStore, credential: Credential
) -> None:
    store.write("api", credential)
    wrong = replace(credential, key=ABOVE.issue("other.test").key)
    with pytest.raises(CertificateRejected) as rejected:
        store.write("api", wrong)
    assert rejected.value.code == "key-mismatch"
    assert store.read("api").chain == credential.chain


@pytest.mark.parametrize(
    "entry", ["", ".", "..", ".api", "-api", "a/b", "a\0", "a b", "é", "a" * 129]
)
def test_a_name_that_could_lead_elsewhere_is_refused(
    store: CertificateStore, credential: Credential, entry: str
) -> None:
    for ask in (store.read, store.folder, lambda name: store.write(name, credential)):
        with pytest.raises(BadInput, match="cannot be the name of an entry"):
            ask(entry)


@pytest.mark.parametrize("entry", ["api", "A", "0", "node-1.example.com_x", "a" * 128])
def test_a_name_of_plain_characters_is_taken(
    store: CertificateStore, credential: Credential, entry: str
) -> None:
    store.write(entry, credential)
    assert store.entries() == (entry,)


def test_the_folder_holds_the_pair_for_those_who_watch_it(
    store: CertificateStore, credential: Credential
) -> None:
    store.write("api", credential)
    current = store.folder("api") / "current"
    assert (current / "tls.key").read_bytes() == credential.key_pem
    assert (current / "tls.crt").read_bytes() == credential.chain_pem


def test_one_at_a_time_decides_what_to_write(opening: Opening, credential: Credential) -> None:
    with opening().exclusive("api"):
        with pytest.raises(Busy, match="'api'"), opening().exclusive("api"):
            pass
        with opening().exclusive("other"):
            opening().write("api", credential)
    with opening().exclusive("api"):
        assert opening().read("api").chain == credential.chain


def test_a_hold_ends_with_an_error_inside(opening: Opening) -> None:
    with pytest.raises(NotFound), opening().exclusive("api"):
        opening().read("api")
    with opening().exclusive("api"):
        assert opening().entries() == ()


@pytest.mark.slow
def test_readers_beside_a_writer_meet_whole_credentials_only(
    opening: Opening, credential: Credential
) -> None:
    pairs = {c.chain.sha256: c.key_pem for c in (credential, ABOVE.issue("other.test"))}
    opening().write("api", credential)
    torn: list[str] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            found = opening().read("api")
            if pairs.get(found.chain.sha256) != found.key_pem:
                torn.append(found.chain.subject)

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(40):
        opening().write("api", credential)
    done.set()
    for reader in readers:
        reader.join()
    assert torn == []
