"""Certificate stores: what is kept where, who is believed, and what a crash or a full disk leaves."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from structlog.testing import capture_logs

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice, StoreLocation, StoreName, thumbprints
from hermetic.certstore.disk import SYSTEM_DISK, Disk
from hermetic.certstore.stores import PLACES, Stores
from hermetic.errors import BadInput, CertificateRejected, NotFound, StorageFull
from tests.support import imports, mint
from tests.support.certificates import hierarchy
from tests.support.disks import (
    FullAt,
    Onlooker,
    Steps,
    Stopped,
    StoppedAt,
    TroubledDisk,
    readable_by_others,
)
from tests.support.mint import DAY, NOW, authority, revocation_list

MACHINE, USER = StoreLocation.LOCAL_MACHINE, StoreLocation.CURRENT_USER
MY, ROOT, CA = StoreName.MY, StoreName.ROOT, StoreName.CERTIFICATE_AUTHORITY
ABOVE, STRANGER = hierarchy(), hierarchy(name="Stranger")
LEAF, OTHER = ABOVE.issue("host.test"), ABOVE.issue("other.test")
ROOT_CERTIFICATE, INTERMEDIATE = ABOVE.root_certificate, ABOVE.intermediate.chain.leaf
LISTED = authority("Listed")


def opened(root: Path, disk: Disk = SYSTEM_DISK) -> Stores:
    return Stores(root, disk=disk, patience=timedelta(seconds=1))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "stores"


@pytest.fixture
def stores(root: Path) -> Stores:
    return opened(root)


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def alone(credential: Credential) -> Credential:
    """Return the credential without its issuers."""
    return Credential(Chain((credential.chain.leaf,)), credential.key)


def one_list(number: int = 1, *, of: mint.Minted = LISTED) -> x509.CertificateRevocationList:
    return revocation_list(of, last_update=NOW + number * DAY, next_update=NOW + (number + 1) * DAY)


def choose(stores: Stores, **named: str) -> Credential:
    place = {"location": "LocalMachine", "store": "My"}
    choice = Choice.parse(**(place | named))
    return stores.choose(choice, role=Role.API, at=ABOVE.now)


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_credential_is_kept_in_any_store_with_its_key(
    root: Path, stores: Stores, place: tuple[StoreLocation, StoreName]
) -> None:
    assert stores.add(*place, LEAF)
    (found,) = opened(root).credentials(*place)
    assert (found.chain, found.key_pem) == (LEAF.chain, LEAF.key_pem)
    assert [one for one in PLACES if stores.credentials(*one)] == [place]
    assert stores.certificates(*place) == stores.roots() == ()


def test_adding_the_same_again_changes_nothing(stores: Stores) -> None:
    assert stores.add(MACHINE, MY, LEAF)
    before = stores.digest()
    assert not stores.add(MACHINE, MY, LEAF)
    assert stores.digest() == before
    assert stores.add(MACHINE, MY, alone(LEAF))
    assert stores.credentials(MACHINE, MY)[0].chain == alone(LEAF).chain


def test_one_beside_the_other_is_kept(stores: Stores) -> None:
    for one in (LEAF, OTHER):
        stores.add(MACHINE, MY, one)
    found = [one.chain.sha256 for one in stores.credentials(MACHINE, MY)]
    assert found == sorted([LEAF.chain.sha256, OTHER.chain.sha256])


def test_believed_is_what_is_self_issued_and_without_a_key_in_root(stores: Stores) -> None:
    stores.add(USER, ROOT, ABOVE.root)
    stores.add_certificates(MACHINE, CA, [STRANGER.root_certificate])
    assert stores.roots() == ()
    added = stores.add_certificates(USER, ROOT, [ROOT_CERTIFICATE, INTERMEDIATE, ROOT_CERTIFICATE])
    assert added == (ROOT_CERTIFICATE, INTERMEDIATE)
    assert stores.add_certificates(USER, ROOT, added) == ()
    stores.add_certificates(MACHINE, ROOT, [ROOT_CERTIFICATE])
    assert stores.roots() == (ROOT_CERTIFICATE,)
    assert set(stores.intermediates()) == {STRANGER.root_certificate, INTERMEDIATE}


def test_a_certificate_without_its_key_has_no_place_in_my(stores: Stores) -> None:
    with pytest.raises(BadInput, match="authorities that are trusted belong in Root"):
        stores.add_certificates(MACHINE, MY, [ROOT_CERTIFICATE])


def test_a_chain_is_completed_but_for_its_root(stores: Stores) -> None:
    stores.add(MACHINE, MY, alone(LEAF))
    assert choose(stores, subject="CN=host.test").chain == alone(LEAF).chain
    stores.add_certificates(USER, CA, [INTERMEDIATE])
    stores.add_certificates(MACHINE, ROOT, [ROOT_CERTIFICATE, STRANGER.root_certificate])
    found = choose(stores, subject="CN=host.test")
    assert found.chain.certificates == (LEAF.chain.leaf, INTERMEDIATE)
    assert found.key_pem == LEAF.key_pem


def test_a_certificate_that_lies_elsewhere_is_told_with_its_place(stores: Stores) -> None:
    stores.add(USER, ROOT, LEAF)
    with pytest.raises(CertificateRejected, match="StoreName Root and StoreLocation CurrentUser"):
        choose(stores, subject="CN=host.test")
    found = choose(stores, subject="CN=host.test", store="Root", location="CurrentUser")
    assert found.chain == LEAF.chain
    with pytest.raises(CertificateRejected) as caught:
        choose(stores, subject="CN=nobody")
    assert "StoreLocation" not in caught.value.text


def test_a_certificate_without_its_key_says_so(stores: Stores) -> None:
    stores.add_certificates(MACHINE, ROOT, [ROOT_CERTIFICATE])
    with pytest.raises(CertificateRejected, match="has no private key there"):
        choose(stores, store="Root", thumbprint=thumbprints(ROOT_CERTIFICATE)[0])


def test_a_newer_list_takes_the_place_of_an_older_one(stores: Stores) -> None:
    older, newer = one_list(1), one_list(2)
    assert stores.add_revocation_list(MACHINE, older)
    assert stores.add_revocation_list(MACHINE, newer)
    assert not stores.add_revocation_list(MACHINE, newer)
    with pytest.raises(CertificateRejected, match="fetch the current one") as caught:
        stores.add_revocation_list(MACHINE, older)
    assert caught.value.code == "older-list"
    assert stores.revocation_lists() == (newer,)
    assert stores.revocation_lists(USER) == ()


def test_lists_of_other_keys_and_for_other_certificates_stay_beside_it(stores: Stores) -> None:
    number = (x509.CRLNumber(1), False)
    keys = [x509.SubjectKeyIdentifier(digest) for digest in (b"one", b"two")]
    signers = [x509.AuthorityKeyIdentifier(key.digest, None, None) for key in keys]
    lists = [revocation_list(LISTED, put=[number, (signer, False)]) for signer in signers]
    leaves = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
    lists.append(revocation_list(LISTED, put=[number, (leaves, True)]))
    for one in (*lists, *lists):
        stores.add_revocation_list(USER, one)
    assert len(stores.revocation_lists()) == 3
    assert set(map(thumbprints, stores.revocation_lists(USER))) == set(map(thumbprints, lists))


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_removed_goes_with_its_key(stores: Stores, root: Path, which: int) -> None:
    stores.add(MACHINE, MY, LEAF)
    stores.add(MACHINE, MY, OTHER)
    stores.add(USER, MY, LEAF)
    stores.remove(MACHINE, MY, thumbprints(LEAF.chain.leaf)[which])
    assert [one.chain for one in stores.credentials(MACHINE, MY)] == [OTHER.chain]
    assert len(list((root / "LocalMachine").rglob("tls.key"))) == 1
    assert [one.chain for one in stores.credentials(USER, MY)] == [LEAF.chain]


def test_certificates_and_lists_are_removed_by_their_thumbprints(stores: Stores) -> None:
    found = one_list()
    stores.add_certificates(MACHINE, CA, [INTERMEDIATE])
    stores.add_revocation_list(MACHINE, found)
    for one in (INTERMEDIATE, found):
        stores.remove(MACHINE, CA, thumbprints(one)[0])
    assert stores.intermediates() == stores.revocation_lists() == ()


def test_what_is_not_there_cannot_be_removed(stores: Stores) -> None:
    stores.add(USER, MY, LEAF)
    with pytest.raises(NotFound, match="certificate list --stores"):
        stores.remove(MACHINE, MY, LEAF.chain.sha256)
    with pytest.raises(BadInput, match="is not a thumbprint"):
        stores.remove(USER, MY, "CN=host.test")


def damage(root: Path, name: str) -> None:
    for path in root.rglob(name):
        path.write_bytes(b"")


def test_what_is_damaged_is_named_and_left_out(stores: Stores, root: Path) -> None:
    stores.add(MACHINE, MY, LEAF)
    damage(root, "tls.key")
    stores.add(MACHINE, MY, OTHER)
    with capture_logs() as events:
        assert [one.chain for one in stores.credentials(MACHINE, MY)] == [OTHER.chain]
    (event,) = events
    assert (event["event"], event["entry"]) == ("certificate.quarantined", LEAF.chain.sha256)
    stores.remove(MACHINE, MY, LEAF.chain.sha256)
    assert LEAF.chain.sha256 not in str(list(root.rglob("*")))


def test_where_a_version_is_damaged_the_one_before_it_is_read(stores: Stores, root: Path) -> None:
    stores.add_revocation_list(MACHINE, one_list(1))
    stores.add_revocation_list(MACHINE, one_list(2))
    (current,) = root.rglob("current")
    (current / "list.crl").write_bytes(b"")
    assert [one.last_update_utc for one in stores.revocation_lists()] == [NOW + DAY]


@pytest.mark.parametrize("kept", ["certificate.pem", "list.crl"])
def test_a_file_that_is_another_thing_is_set_aside(stores: Stores, root: Path, kept: str) -> None:
    stores.add_certificates(MACHINE, CA, [INTERMEDIATE])
    stores.add_revocation_list(MACHINE, one_list())
    (path,) = root.rglob(f"versions/1/{kept}")
    path.write_bytes(imports.pem(LEAF.key))
    sums = path.with_name("sha256sums")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sums.write_text(f"{digest}  {kept}\n")
    assert len(stores.intermediates()) + len(stores.revocation_lists()) == 1


CHANGES: dict[str, Callable[[Stores], object]] = {
    "credential": lambda stores: stores.add(MACHINE, MY, LEAF),
    "its chain": lambda stores: stores.add(MACHINE, MY, alone(LEAF)),
    "another place": lambda stores: stores.add(USER, MY, LEAF),
    "root": lambda stores: stores.add_certificates(MACHINE, ROOT, [ROOT_CERTIFICATE]),
    "intermediate": lambda stores: stores.add_certificates(USER, CA, [INTERMEDIATE]),
    "list": lambda stores: stores.add_revocation_list(USER, one_list(1)),
    "newer list": lambda stores: stores.add_revocation_list(USER, one_list(2)),
    "removal": lambda stores: stores.remove(USER, MY, LEAF.chain.sha256),
}


def test_every_change_changes_the_digest_and_wakes_who_watches(stores: Stores, root: Path) -> None:
    seen = [stores.digest()]
    for change in CHANGES.values():
        for folder in (root, *root.glob("*"), *root.glob("*/*")):
            os.utime(folder, (0, 0))
        change(stores)
        seen.append(stores.digest())
        assert root.stat().st_mtime > 0
    assert len(set(seen)) == len(CHANGES) + 1
    assert opened(root).digest() == stores.digest() == seen[-1]


def test_the_folder_of_a_store_is_woken_with_those_above(stores: Stores) -> None:
    stores.add(USER, ROOT, LEAF)
    folders = [stores.folder(USER, ROOT), stores.folder(USER), stores.folder()]
    for folder in folders:
        os.utime(folder, (0, 0))
    stores.add(MACHINE, MY, LEAF)
    assert [folder.stat().st_mtime > 0 for folder in folders] == [False, False, True]
    os.utime(stores.folder(), (0, 0))
    stores.add(USER, ROOT, OTHER)
    assert all(folder.stat().st_mtime > 0 for folder in folders)


def test_a_digest_never_fails(stores: Stores, root: Path) -> None:
    stores.add(MACHINE, MY, LEAF)
    before = stores.digest()
    (root / "LocalMachine" / "Root").write_bytes(b"not a folder")
    assert stores.digest() not in {"", before}


@pytest.mark.usefixtures("no_umask")
def test_nothing_is_open_to_others_at_any_instant(root: Path) -> None:
    root.parent.chmod(0o700)
    onlooker = Onlooker(root.parent)
    stores = opened(root, TroubledDisk(onlooker))
    for change in CHANGES.values():
        change(stores)
    assert onlooker.looks > 100
    assert onlooker.open_to_others | readable_by_others(root) == set()


def test_what_is_open_is_closed_when_the_stores_are_opened(stores: Stores, root: Path) -> None:
    stores.add(MACHINE, MY, LEAF)
    for path in root.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755)
    assert readable_by_others(root)
    opened(root)
    assert readable_by_others(root) == set()


ADDING = ["credential", "list"]


def steps_of(root: Path, name: str) -> int:
    steps = Steps()
    disk = TroubledDisk(steps)
    opened(root)
    CHANGES[name](opened(root, disk))
    return len(steps.taken)


@pytest.mark.parametrize("name", ADDING)
def test_a_disk_that_fills_up_at_any_step_keeps_nothing_by_half(tmp_path: Path, name: str) -> None:
    for step in range(steps_of(tmp_path / "counted", name) - 1):
        root = tmp_path / str(step)
        stores = opened(root)
        with pytest.raises(StorageFull):
            CHANGES[name](opened(root, TroubledDisk(FullAt(step))))
        assert not kept(stores)
        CHANGES[name](stores)
        assert kept(stores)


@pytest.mark.parametrize("name", ADDING)
def test_a_process_that_ends_at_any_step_leaves_all_or_nothing(tmp_path: Path, name: str) -> None:
    for step in range(steps_of(tmp_path / "counted", name)):
        root = tmp_path / str(step)
        with pytest.raises(Stopped):
            CHANGES[name](opened(root, TroubledDisk(StoppedAt(step))))
        assert len(kept(opened(root))) <= 1
        assert not list(root.rglob("quarantine"))
        CHANGES[name](opened(root))
        assert len(kept(opened(root))) == 1


def kept(stores: Stores) -> list[object]:
    """Return everything that is in the stores."""
    found: list[object] = [*stores.roots(), *stores.intermediates(), *stores.revocation_lists()]
    return found + [one for place in PLACES for one in stores.credentials(*place)]


def test_what_a_removal_left_behind_goes_at_the_next_opening(stores: Stores, root: Path) -> None:
    stores.add(MACHINE, MY, LEAF)
    with pytest.raises(Stopped):
        opened(root, TroubledDisk(StoppedAt(2))).remove(MACHINE, MY, LEAF.chain.sha256)
    assert list(root.rglob("tls.key"))
    opened(root)
    assert not list(root.rglob("tls.key"))


def test_several_may_add_at_once(root: Path) -> None:
    credentials = [ABOVE.issue(f"node-{number}.test", key=LEAF.key) for number in range(8)]
    adding = [
        threading.Thread(target=lambda one=one: opened(root).add(MACHINE, MY, one))
        for one in credentials
    ]
    for thread in adding:
        thread.start()
    for thread in adding:
        thread.join()
    found = {one.chain.sha256 for one in opened(root).credentials(MACHINE, MY)}
    assert found == {one.chain.sha256 for one in credentials}
