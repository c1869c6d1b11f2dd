"""Whom a node trusts: what its stores say, and the authority of its home."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.clock import system_clock
from hermetic.config.compute import ClientCertificate
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration, CertificateRejected
from hermetic.tls.trust import LiveTrust
from hermetic.wiring.trusting import HomeTrust, allowed_by, live_trust
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.own import issued, shown
from tests.support.waiting import until

MACHINE, ROOT = StoreLocation.LOCAL_MACHINE, StoreName.ROOT
COMPANY = hierarchy(name="Company")


def trusted(home: Home, authority: Hierarchy = COMPANY) -> Stores:
    stores = Stores(home.stores)
    stores.add_certificates(MACHINE, ROOT, [authority.root_certificate])
    return stores


def damage(folder: Path) -> None:
    """Spoil every certificate below *folder*."""
    for path in [*folder.rglob("versions/*/*.pem"), *folder.rglob("versions/*/*.crt")]:
        path.write_bytes(b"no certificate")


def believes(trust: LiveTrust, credential: Credential) -> bool:
    try:
        trust.judge(shown(credential))
    except CertificateRejected:
        return False
    return True


def test_a_home_without_anything_trusts_nobody(home: Home) -> None:
    source = HomeTrust(home)
    assert (source.roots(), source.intermediates(), source.revocation_lists()) == ((), (), ())
    assert not home.authority.exists()


async def test_the_stores_and_the_own_authority_are_trusted_together(home: Home) -> None:
    own = await issued(home)
    source = HomeTrust(home)
    before = source.digest()
    trusted(home)
    company, ours = source.roots()
    assert company == COMPANY.root_certificate
    assert own.chain.certificates[-1].issuer == ours.subject
    assert source.digest() != before


async def test_an_authority_that_is_made_later_is_trusted_from_then_on(home: Home) -> None:
    source = HomeTrust(home)
    before = source.digest()
    await issued(home)
    assert (len(source.roots()), source.digest() != before) == (1, True)


async def test_what_was_damaged_is_refused_and_not_left_out(home: Home) -> None:
    await issued(home)
    stores = trusted(home)
    source = HomeTrust(home)
    damage(home.stores)
    for read in (source.roots, source.intermediates, source.revocation_lists):
        with pytest.raises(CertificateRejected, match="certificate untrust"):
            read()
    stores.remove(MACHINE, ROOT, thumbprints(COMPANY.root_certificate)[1])
    assert len(source.roots()) == 1


async def test_the_own_authority_is_not_left_out_when_it_is_damaged(home: Home) -> None:
    trusted(home)
    await issued(home)
    source = HomeTrust(home)
    damage(home.authority)
    for _ in range(2):
        with pytest.raises(CertificateRejected, match="from a backup"):
            source.roots()


async def test_an_earlier_version_of_the_own_authority_does(home: Home) -> None:
    await issued(home)
    source = HomeTrust(home)
    before = source.roots()
    (home.authority / "root/versions/2/tls.crt").write_bytes(b"no certificate")
    assert source.roots() == before


async def test_who_is_trusted_changes_with_the_home_and_damage_changes_nothing(home: Home) -> None:
    stores = trusted(home)
    own, company = await issued(home), COMPANY.issue("x", role=Role.AUTHENTICATION)
    trust, following = await live_trust(home, Role.AUTHENTICATION, system_clock)
    task = asyncio.create_task(following())
    assert [believes(trust, one) for one in (own, company)] == [True, True]
    damage(home.authority)
    trusted(home, hierarchy(name="Another"))  # so that the home is read again
    await until(lambda: trust.fault is not None)
    assert [believes(trust, one) for one in (own, company)] == [True, True]
    stores.remove(MACHINE, ROOT, thumbprints(COMPANY.root_certificate)[1])
    home.authority.rename(home.root / "away")
    await until(lambda: trust.fault is None)
    assert [believes(trust, one) for one in (own, company)] == [False, False]
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_a_certificate_for_something_else_is_not_believed(home: Home) -> None:
    found = [await issued(home, "x", role) for role in (Role.COMPUTE, Role.AUTHENTICATION)]
    trust, _ = await live_trust(home, Role.COMPUTE, system_clock)
    assert [believes(trust, one) for one in found] == [True, False]


def test_the_settings_say_who_is_let_in(home: Home) -> None:
    section = ClientCertificate(
        issuer=" CN=Example CA ", subject="CN=web", names=("web.example.com", "spiffe://x/web")
    )
    allowed = allowed_by(section, home)
    assert [str(one) for one in (*allowed.issuers, *allowed.subjects)] == [
        "CN=Example CA",
        "CN=web",
    ]
    assert (len(allowed.names), allowed.uris) == (1, ("spiffe://x/web",))


@pytest.mark.parametrize(
    "section",
    [
        ClientCertificate(issuer="nonsense", subject="CN=web"),
        ClientCertificate(issuer="CN=CA", subject="=="),
        ClientCertificate(names=("not a name",)),
        ClientCertificate(names=("",)),
        ClientCertificate(fingerprints=("12",)),
        ClientCertificate(names=("a",), denied=("xyz",)),
    ],
)
def test_what_is_no_name_is_told_with_its_section(home: Home, section: ClientCertificate) -> None:
    with pytest.raises(BadConfiguration, match=r"^ClientCertificate: "):
        allowed_by(section, home)
