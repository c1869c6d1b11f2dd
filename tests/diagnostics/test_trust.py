"""What is told of certificates that settings name."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice, StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.diagnostics.trust import Named, believed, chosen
from tests.support.certificates import hierarchy

OURS = hierarchy()
NOW = datetime.now(UTC)
MACHINE = StoreLocation.LOCAL_MACHINE


def named(certificate: x509.Certificate) -> Named:
    thumbprint, *_ = thumbprints(certificate)
    choice = Choice(MACHINE, StoreName.ROOT, thumbprint=thumbprint)
    return Named("Kestrel.HttpsCertificate", choice, Role.API, ("localhost",))


def test_a_good_one_is_told_with_its_chain(tmp_path: Path) -> None:
    stores, good = Stores(tmp_path / "stores"), OURS.issue()
    stores.add(MACHINE, StoreName.ROOT, good)
    (found,), chain = chosen(stores, named(good.chain.leaf), NOW)
    assert found.code == "certificate.fine"
    assert chain is not None
    assert chain.leaf == good.chain.leaf


def test_one_whose_key_is_not_here_is_told(tmp_path: Path) -> None:
    stores, lone = Stores(tmp_path / "stores"), OURS.issue()
    stores.add_certificates(MACHINE, StoreName.ROOT, [lone.chain.leaf])
    (found,), chain = chosen(stores, named(lone.chain.leaf), NOW)
    assert (found.code, chain) == ("certificate.no-key", None)


def test_roots_that_are_good_are_counted(tmp_path: Path) -> None:
    stores = Stores(tmp_path / "stores")
    assert [one.code for one in believed(stores, None, NOW)] == ["trust.empty"]
    (found,) = believed(stores, OURS.root_certificate, NOW)
    assert found.code == "trust.fine"
