"""Whom callers of front ends are to believe."""

from datetime import UTC, datetime

from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certstore.stores import Stores
from hermetic.clock import TurnedClock
from hermetic.config.home import Home
from hermetic.wiring.azureml_belief import callers_believe, known
from hermetic.wiring.own import own_authority
from tests.support.certificates import hierarchy

CLOCK = TurnedClock(datetime(2026, 11, 26, 12, tzinfo=UTC))


def test_what_our_own_authority_certifies_is_believed_by_its_root_alone(home: Home) -> None:
    authority = own_authority(home, CLOCK)
    assert callers_believe(home, authority, by_acme=False) == authority.root_pem


def test_whom_this_machine_believes_may_have_issued_what_an_acme_server_gave(home: Home) -> None:
    authority, company = own_authority(home, CLOCK), hierarchy(name="Company")
    before = callers_believe(home, authority, by_acme=True)
    assert authority.root_pem.strip() in before
    assert company.root_pem.strip() not in before
    root = company.root.chain.leaf
    Stores(home.stores).add_certificates(StoreLocation.LOCAL_MACHINE, StoreName.ROOT, [root])
    assert company.root_pem.strip() in callers_believe(home, authority, by_acme=True)
    told = [one.public_bytes(Encoding.PEM) for one in known(home, authority).roots]
    assert root.public_bytes(Encoding.PEM) in told
