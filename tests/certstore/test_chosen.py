"""What the settings name, as the stores and the time change."""

from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice, StoreLocation, StoreName
from hermetic.certstore.chosen import Chosen
from hermetic.certstore.stores import Stores
from hermetic.clock import TurnedClock
from hermetic.errors import CertificateRejected
from tests.support.certificates import DAY, hierarchy

PLACE = StoreLocation.LOCAL_MACHINE, StoreName.MY
ABOVE = hierarchy()
SECOND = timedelta(seconds=1)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(ABOVE.now)


@pytest.fixture
def stores(tmp_path: Path) -> Stores:
    stores = Stores(tmp_path / "stores")
    stores.add(*PLACE, ABOVE.issue("host.test"))
    return stores


@pytest.fixture
def chosen(stores: Stores, clock: TurnedClock) -> Chosen:
    choice = Choice.parse(location="LocalMachine", store="My", subject="CN=host.test")
    return Chosen(stores, choice, role=Role.API, clock=clock)


def test_a_renewal_is_read_after_the_digest_has_changed(stores: Stores, chosen: Chosen) -> None:
    before = chosen.digest()
    assert chosen.digest() == before
    renewed = ABOVE.issue("host.test", now=ABOVE.now + SECOND)
    stores.add(*PLACE, renewed)
    assert chosen.digest() != before
    assert chosen.read().chain == renewed.chain


def test_one_imported_ahead_of_its_time_is_read_when_it_has_come(
    stores: Stores, chosen: Chosen, clock: TurnedClock
) -> None:
    early = ABOVE.issue("host.test", now=ABOVE.now + DAY / 2, backdate=timedelta(0))
    stores.add(*PLACE, early)
    before = chosen.digest()
    assert chosen.read().chain != early.chain
    clock.now = early.chain.not_before - SECOND
    assert chosen.digest() == before
    clock.advance(SECOND)
    assert chosen.digest() != before
    assert chosen.read().chain == early.chain


def test_the_end_of_what_was_read_changes_the_digest(chosen: Chosen, clock: TurnedClock) -> None:
    clock.now = chosen.read().chain.not_after + SECOND * 0.9
    before = chosen.digest()
    chosen.read()
    clock.advance(SECOND * 0.1)
    assert chosen.digest() != before
    with pytest.raises(CertificateRejected, match="expired"):
        chosen.read()


def test_the_end_of_another_certificate_does_not_matter(
    stores: Stores, chosen: Chosen, clock: TurnedClock
) -> None:
    stores.add(*PLACE, ABOVE.issue("other.test", life=DAY / 4))
    before = chosen.digest()
    clock.advance(DAY / 2)
    assert chosen.digest() == before


def test_stores_that_cannot_be_read_are_asked_again(
    stores: Stores, chosen: Chosen, tmp_path: Path
) -> None:
    before = chosen.digest()
    folder = stores.folder(*PLACE)
    folder.rename(tmp_path / "away")
    folder.write_bytes(b"in its place")
    assert chosen.digest() != before
    folder.unlink()
    (tmp_path / "away").rename(folder)
    assert chosen.digest() == before


def test_the_folder_is_that_of_all_stores(stores: Stores, chosen: Chosen) -> None:
    assert chosen.folder == stores.folder()
