from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certstore.stores import Stores
from hermetic.clock import TurnedClock
from hermetic.wiring.expiries import Expiries
from tests.support.certificates import DAY, hierarchy
from tests.support.hops import revoking

OURS = hierarchy()
MACHINE = StoreLocation.LOCAL_MACHINE


def test_everything_that_ends_is_counted_down(tmp_path: Path) -> None:
    clock, stores = TurnedClock(OURS.now), Stores(tmp_path / "stores")
    expiries = Expiries(tmp_path / "stores", clock)
    assert expiries.seconds_left() == {}
    imported = OURS.issue("models.test", life=3 * DAY)
    stores.add(MACHINE, StoreName.MY, imported)
    stores.add_certificates(MACHINE, StoreName.ROOT, [OURS.root_certificate])
    stores.add_revocation_list(MACHINE, revoking(imported, OURS.intermediate))
    found = expiries.seconds_left()
    kinds = {name.split(" ")[0]: seconds for name, seconds in found.items()}
    assert set(kinds) == {"imported", "trusted", "revocation-list"}
    assert f"imported models.test {imported.chain.sha256[:8]}" in found
    assert kinds["imported"] == pytest.approx(3 * 86400, abs=2)
    clock.advance(timedelta(days=4))
    assert min(expiries.seconds_left().values()) < 0


def test_where_there_is_nothing_nothing_is_made(tmp_path: Path) -> None:
    assert Expiries(tmp_path / "none", TurnedClock(OURS.now)).seconds_left() == {}
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    stores = Stores(tmp_path / "stores")
    stores.add_certificates(MACHINE, StoreName.ROOT, [OURS.root_certificate])
    for path in (tmp_path / "stores").rglob("certificate.pem"):
        path.write_bytes(b"damaged")
    assert Expiries(tmp_path / "stores", TurnedClock(OURS.now)).seconds_left() == {}
