"""Whom to believe out of the stores: all of it, or a refusal that says what to do."""

from pathlib import Path

import pytest

from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.certstore.trusted import TrustedStores
from hermetic.errors import CertificateRejected
from tests.support.certificates import hierarchy
from tests.support.mint import authority, revocation_list

MACHINE, ROOT = StoreLocation.LOCAL_MACHINE, StoreName.ROOT
CA, MY = StoreName.CERTIFICATE_AUTHORITY, StoreName.MY
ABOVE, LISTED = hierarchy(), authority("Listed")
ROOT_CERTIFICATE, INTERMEDIATE = ABOVE.root_certificate, ABOVE.intermediate.chain.leaf
LIST = revocation_list(LISTED)


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    stores = Stores(tmp_path)
    stores.add(MACHINE, MY, ABOVE.issue("host.test"))
    stores.add_certificates(MACHINE, ROOT, [ROOT_CERTIFICATE])
    stores.add_certificates(MACHINE, CA, [INTERMEDIATE])
    stores.add_revocation_list(MACHINE, LIST)
    return stores


def test_it_is_what_the_stores_hold(stores: Stores, tmp_path: Path) -> None:
    trusted = TrustedStores(stores)
    assert trusted.roots() == (ROOT_CERTIFICATE,)
    assert trusted.intermediates() == (INTERMEDIATE,)
    assert trusted.revocation_lists() == (LIST,)
    assert (trusted.digest(), trusted.folder) == (stores.digest(), tmp_path)


@pytest.mark.parametrize("kept", ["Root", "CertificateAuthority"])
def test_what_is_damaged_is_refused_until_it_is_removed_or_brought_again(
    stores: Stores, tmp_path: Path, kept: str
) -> None:
    (path,) = (tmp_path / "LocalMachine" / kept).rglob("versions/1/certificate.pem")
    path.write_bytes(path.read_bytes()[:-9])
    trusted, damaged = TrustedStores(stores), path.parents[2]
    for read in (trusted.roots, trusted.intermediates, trusted.revocation_lists):
        with pytest.raises(CertificateRejected) as caught:
            read()
        assert caught.value.code == "damaged"
        assert f"`hermetic certificate untrust {damaged.name}`" in caught.value.text
    stores.remove(MACHINE, StoreName(kept), damaged.name)
    assert len(trusted.roots()) + len(trusted.intermediates()) == 1
    again = [one for one in (ROOT_CERTIFICATE, INTERMEDIATE) if damaged.name in thumbprints(one)]
    stores.add_certificates(MACHINE, StoreName(kept), again)
    assert (trusted.roots(), trusted.intermediates()) == ((ROOT_CERTIFICATE,), (INTERMEDIATE,))


def test_a_damaged_list_is_refused(stores: Stores, tmp_path: Path) -> None:
    (path,) = tmp_path.rglob("versions/1/list.crl")
    path.write_bytes(b"")
    with pytest.raises(CertificateRejected, match=r"is damaged, with all its versions"):
        TrustedStores(stores).roots()


def test_an_earlier_version_that_is_whole_will_do(stores: Stores, tmp_path: Path) -> None:
    stores.add_revocation_list(
        MACHINE, revocation_list(LISTED, ABOVE.issue("host.test").chain.leaf)
    )
    (path,) = tmp_path.rglob("versions/2/list.crl")
    path.write_bytes(b"")
    assert TrustedStores(stores).revocation_lists() == (LIST,)


def test_a_credential_that_is_damaged_is_nobody_who_is_believed(
    stores: Stores, tmp_path: Path
) -> None:
    (path,) = tmp_path.rglob("versions/1/tls.key")
    path.write_bytes(b"")
    assert TrustedStores(stores).roots() == (ROOT_CERTIFICATE,)
