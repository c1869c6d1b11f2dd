"""What every maker of `Issuer` is held to."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates import roles
from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import KeyKind, encode_public
from hermetic.certificates.roles import Role
from hermetic.certificates.signing import request
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.errors import CertificateRejected
from hermetic.issuers.divided import Divided
from hermetic.issuers.issuer import Issuer
from hermetic.issuers.several import Several
from tests.support.authority import opened
from tests.support.certificates import hierarchy, key_of
from tests.support.disks import SleeplessDisk

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = key_of(KeyKind.EC_P256)


def open_authority(folder: Path) -> Issuer:
    return opened(FileStore(folder, disk=SleeplessDisk()), TurnedClock(NOW))


def open_several(folder: Path) -> Issuer:
    return Several([open_authority(folder / "one"), open_authority(folder / "other")])


def open_divided(folder: Path) -> Issuer:
    one, other = open_authority(folder / "one"), open_authority(folder / "other")
    return Divided(one, other, lambda name: name.startswith("node."))


@pytest.fixture(params=[open_authority, open_several, open_divided])
def issuer(request: pytest.FixtureRequest, tmp_path: Path) -> Issuer:
    maker: Callable[[Path], Issuer] = request.param
    return maker(tmp_path / "issuer")


async def test_the_leaf_holds_the_key_and_the_names_that_were_asked_for(issuer: Issuer) -> None:
    chain = await issuer.issue(request(KEY, names=["Node.test", "127.0.0.1", "::1"]), Role.API)
    assert chain.leaf.public_key() == KEY.public_key()
    assert chain.names == ("node.test", "127.0.0.1", "::1")


@pytest.mark.parametrize("role", list(Role))
async def test_the_leaf_fits_its_role(issuer: Issuer, role: Role) -> None:
    roles.check(await issuer.issue(request(KEY, names=["node.test"]), role), role)


async def test_the_leaf_does_not_fit_another_role(issuer: Issuer) -> None:
    chain = await issuer.issue(request(KEY, names=["node.test"]), Role.AUTHENTICATION)
    with pytest.raises(CertificateRejected):
        roles.check(chain, Role.API)


async def test_the_chain_has_its_intermediates_and_no_root(issuer: Issuer) -> None:
    chain = await issuer.issue(request(KEY, names=["node.test"]), Role.API)
    assert chain.issuers
    assert all(c.subject != c.issuer for c in chain.certificates)
    for below, above in zip(chain.certificates, chain.issuers, strict=False):
        below.verify_directly_issued_by(above)


async def test_the_leaf_is_valid_now_and_not_longer_than_its_issuers(issuer: Issuer) -> None:
    chain = await issuer.issue(request(KEY, names=["node.test"]), Role.API)
    assert chain.not_before <= NOW < chain.not_after
    assert all(chain.not_after <= above.not_valid_after_utc for above in chain.issuers)


async def test_two_leaves_have_two_serial_numbers(issuer: Issuer) -> None:
    asked = [issuer.issue(request(KEY, names=["node.test"]), Role.API) for _ in range(8)]
    assert len({chain.serial for chain in await asyncio.gather(*asked)}) == 8


def named(*names: str) -> x509.CertificateSigningRequest:
    """Return a request for *names*, whatever they are."""
    builder = x509.CertificateSigningRequestBuilder(x509.Name([]))
    if names:
        general = [x509.DNSName(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=True)
    return builder.sign(KEY, hashes.SHA256())


@pytest.mark.parametrize("names", [[], [""], ["*"], ["a b"], ["node.test", "-"]])
async def test_names_that_cannot_be_certified_are_refused(issuer: Issuer, names: list[str]) -> None:
    with pytest.raises(CertificateRejected):
        await issuer.issue(named(*names), Role.API)


async def test_a_request_by_who_does_not_hold_the_key_is_refused(issuer: Issuer) -> None:
    der = request(KEY, names=["node.test"]).public_bytes(Encoding.DER)
    other = key_of(KeyKind.EC_P256, 1)
    ours, theirs = (encode_public(one.public_key()) for one in (KEY, other))
    forged = x509.load_der_x509_csr(der.replace(ours, theirs))
    assert forged.public_key() == other.public_key()
    with pytest.raises(CertificateRejected):
        await issuer.issue(forged, Role.API)


async def test_an_issuer_knows_its_own_and_no_others(issuer: Issuer) -> None:
    chain = await issuer.issue(request(KEY, names=["node.test"]), Role.API)
    assert issuer.issued(chain)
    assert not issuer.issued(hierarchy(NOW).issue("node.test").chain)
    assert not issuer.issued(Chain((chain.leaf,)))
