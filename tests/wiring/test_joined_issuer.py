"""The authority that was joined, as an issuer: one account, a copy of it for each use."""

import pytest

from hermetic.certificates.keys import generate
from hermetic.certstore.accounts import Accounts
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration, Unreachable
from hermetic.issuers.acme.account import Account
from hermetic.wiring.joined import Joined
from hermetic.wiring.joined_issuer import TRUST, joined_issuer, share_account
from tests.support.certificates import hierarchy

JOINED = Joined("https://127.0.0.1:1/acme/directory", ("api", "authentication"), ("a.test",), ())


def test_each_use_has_the_account_and_what_is_under_way_of_its_own(home: Home) -> None:
    account = Account(generate(), kid="https://127.0.0.1:1/acme/account/1")
    Accounts(home.acme_account(JOINED.directory)).write("account", account.files())
    share_account(home, JOINED, (TRUST, "authentication"))
    places = {home.acme_account(JOINED.directory, use) for use in ("", TRUST, "authentication")}
    assert len(places) == 3
    for place in places:
        found = Accounts(place).read("account")
        assert found is not None
        assert Account.of(found).kid == account.kid


@pytest.mark.slow
async def test_it_believes_the_roots_that_were_told(home: Home) -> None:
    with pytest.raises((BadConfiguration, OSError)):
        joined_issuer(home, JOINED, system_clock)
    home.joined_roots.write_bytes(hierarchy().root_pem)
    issuer = joined_issuer(home, JOINED, system_clock, profile="api")
    issuer.believe(hierarchy().root_pem.decode())
    assert not issuer.issued(hierarchy().issue("a.test").chain)
    with pytest.raises(Unreachable):
        await issuer.trusted(())
