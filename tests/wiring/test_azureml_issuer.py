"""Who certifies names of front ends, as the settings say it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.importing import Known
from hermetic.certificates.roles import Role
from hermetic.certstore.accounts import Accounts
from hermetic.clock import TurnedClock
from hermetic.config.acme import Acme
from hermetic.config.azureml import AzureMl
from hermetic.config.home import Home
from hermetic.config.sections import Certificates
from hermetic.errors import BadConfiguration, RefusedByIssuer
from hermetic.gateway.frontends import FrontEnd, FrontEnds
from hermetic.issuers.authority import Authority
from hermetic.issuers.issuer import Issuer
from hermetic.serving.frontend import Asked, TlsState, Zone
from hermetic.tls.by_name import ByName
from hermetic.wiring.azureml_issuer import issuer_of
from hermetic.wiring.certified import certified
from hermetic.wiring.own import own_authority
from hermetic.wiring.sealing import Sealing
from hermetic.wiring.wish import Wish
from tests.support.acme import requesting
from tests.support.acme_server import AcmeServer, problem, serving

SECTION = AzureMl(domain="models.test", issuer="acme")
HOST = "contosoabc123.local.models.test"
STORAGE = "hermetic.blob.models.test"


@dataclass
class Site:
    """A node whose own name an ACME server certifies."""

    home: Home
    server: AcmeServer
    certificates: Certificates
    sealing: Sealing
    own: Authority
    clock: TurnedClock

    def issuer(self, section: AzureMl = SECTION) -> Issuer:
        told = (self.home, section, self.certificates, self.sealing)
        return issuer_of(*told, self.own, self.clock)


async def issued(issuer: Issuer, host: str) -> Chain:
    return await issuer.issue(requesting([host]), Role.API)


@pytest.fixture
async def site(home: Home, tmp_path: Path) -> AsyncIterator[Site]:
    clock = TurnedClock(datetime(2026, 11, 26, 12, tzinfo=UTC))
    (tmp_path / "www").mkdir()
    async with serving(clock) as server:
        (tmp_path / "ca.pem").write_bytes(server.ca)
        acme = Acme(server.directory, str(tmp_path / "ca.pem"), webroot=str(tmp_path / "www"))
        certificates = Certificates(names=("models.test",), acme=acme)
        wish = Wish(Role.API, names=("models.test",), own_names=("localhost",), acme=(acme,))
        sealing = await certified(home, wish, clock)
        yield Site(home, server, certificates, sealing, own_authority(home, clock), clock)


async def test_it_is_our_own_authority_unless_told_otherwise(site: Site) -> None:
    assert site.issuer(replace(SECTION, issuer="authority")) is site.own


async def test_names_are_the_acme_servers_and_the_storage_is_ours(site: Site) -> None:
    issuer = site.issuer()
    public, storage = await issued(issuer, HOST), await issued(issuer, STORAGE)
    assert [site.own.issued(one) for one in (public, storage)] == [False, True]
    assert issuer.issued(public)
    assert issuer.issued(storage)
    assert site.server.count("neworder") == 1


async def test_what_our_own_authority_certified_before_is_to_be_replaced(site: Site) -> None:
    assert not site.issuer().issued(await issued(site.own, HOST))


async def test_the_account_of_the_node_knows_nothing_of_it(site: Site) -> None:
    await issued(site.issuer(), HOST)
    assert Accounts(site.home.acme_account(site.server.directory)).read("account") is None


async def test_a_refusal_is_told_and_nobody_else_asked(site: Site) -> None:
    site.server.faults["neworder"] = [problem("rejectedIdentifier", 403)]
    with pytest.raises(RefusedByIssuer, match="rejectedIdentifier") as refused:
        await issued(site.issuer(), HOST)
    assert refused.value.code == "rejectedIdentifier"


async def test_the_name_server_of_front_ends_proves_their_names(site: Site, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("no key")
    key.chmod(0o600)
    section = replace(SECTION, dns_server="127.0.0.1", dns_key_file=str(key))
    with pytest.raises(BadConfiguration, match="no key for DNS updates"):
        site.issuer(section)


async def test_a_front_end_is_renewed_in_the_window_and_says_what_it_replaces(site: Site) -> None:
    kept: list[Credential] = []

    async def keep(_name: str, credential: Credential) -> None:
        kept.append(credential)
        await front_ends.hold(replace(held, credential=credential), keep)

    front_ends = FrontEnds(
        zone=Zone("local", "models.test"),
        issuer=site.issuer(),
        by_name=ByName(clock=site.clock, role=Role.API),
        known=lambda: Known(()),
        clock=site.clock,
    )
    held = await front_ends.changed(FrontEnd("compute/one"), Asked(TlsState.AUTO, label="contoso"))
    await front_ends.hold(held, keep)
    await front_ends.turn()
    assert kept == []
    begins = site.clock() + timedelta(days=3)
    site.server.window = begins, begins + timedelta(days=1)
    site.clock.advance(timedelta(days=5))
    await front_ends.turn()
    (fresh,) = kept
    assert fresh.chain.names == (held.tls.host,)
    orders = [body for endpoint, body in site.server.asked if endpoint == "neworder"]
    assert ["replaces" in one for one in orders] == [False, True]
