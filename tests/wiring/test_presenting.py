import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certstore.stores import Stores
from hermetic.clock import system_clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home
from hermetic.config.sections import CertificateChoice, Certificates, Tls
from hermetic.errors import BadConfiguration
from hermetic.wiring.presenting import seal
from hermetic.wiring.sealing import Sealing
from hermetic.wiring.wish import Wish
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.waiting import until

NAMES = ("localhost", "127.0.0.1", "::1", "box.example")
OWN = Wish(Role.API, own_names=NAMES)


@pytest.fixture
def authority() -> Hierarchy:
    return hierarchy()


@pytest.fixture
def folder(tmp_path: Path, authority: Hierarchy) -> Path:
    """A folder as somebody would supply it."""
    folder = tmp_path / "supplied"
    folder.mkdir()
    credential = authority.issue("localhost")
    (folder / "tls.crt").write_bytes(credential.chain_pem)
    (folder / "tls.key").write_bytes(credential.key_pem)
    (folder / "ca.crt").write_bytes(authority.root_pem)
    return folder


def supplied(folder: Path, *names: str) -> Wish:
    certificates = Certificates(names=names, folder=str(folder))
    return Wish.of(Role.API, NAMES, Tls(), certificates)


def presented(sealing: Sealing) -> str:
    assert sealing.context is not None
    return sealing.context.credential.chain.sha256


async def test_the_first_start_makes_what_later_ones_present_again(home: Home) -> None:
    first = await seal(home, OWN, system_clock)
    again = await seal(home, OWN, system_clock)
    assert presented(first) == presented(again)
    assert first.ca == home.ca
    assert b"BEGIN CERTIFICATE" in home.ca.read_bytes()


async def test_the_certificate_is_for_the_names_told(home: Home) -> None:
    sealing = await seal(home, OWN, system_clock)
    assert sealing.context is not None
    assert sealing.context.credential.chain.names == NAMES


async def test_a_supplied_pair_is_presented_and_nothing_is_made(
    home: Home, folder: Path, authority: Hierarchy
) -> None:
    sealing = await seal(home, supplied(folder), system_clock)
    assert sealing.ca == folder / "ca.crt"
    assert sealing.store.entries() == ()
    assert not home.authority.exists()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "tls.key").unlink(), "tls.key is not there"),
        (lambda folder: (folder / "tls.crt").write_bytes(b""), "cannot be served"),
    ],
)
async def test_a_supplied_pair_that_cannot_be_served_keeps_the_box_from_starting(
    home: Home, folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(folder)
    with pytest.raises(BadConfiguration, match=message):
        await seal(home, supplied(folder), system_clock)


async def test_a_supplied_pair_must_be_for_the_names_told(home: Home, folder: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"other\.example"):
        await seal(home, supplied(folder, "other.example"), system_clock)


async def test_a_pair_put_into_the_folder_is_presented(
    home: Home, folder: Path, authority: Hierarchy
) -> None:
    sealing = await seal(home, supplied(folder), system_clock)
    tasks = [asyncio.ensure_future(one()) for one in sealing.tasks]
    fresh = authority.issue("localhost")
    (folder / "tls.key").write_bytes(fresh.key_pem)
    (folder / "tls.crt").write_bytes(fresh.chain_pem)
    await until(lambda: presented(sealing) == fresh.chain.sha256)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def chosen(subject: str = "CN=localhost", thumbprint: str = "") -> Wish:
    choice = CertificateChoice(subject_name=subject, thumbprint=thumbprint)
    return Wish.of(Role.API, NAMES, Tls(), Certificates(), choice)


def imported(home: Home, credential: Credential) -> None:
    Stores(home.stores).add(StoreLocation.LOCAL_MACHINE, StoreName.MY, credential)


async def test_what_the_settings_name_in_a_store_is_presented(
    home: Home, authority: Hierarchy
) -> None:
    credential = authority.issue("localhost")
    imported(home, credential)
    sealing = await seal(home, chosen(), system_clock)
    assert presented(sealing) == credential.chain.sha256
    assert sealing.kept is not None
    assert sealing.kept().sha256 == credential.chain.sha256
    assert not home.authority.exists()


async def test_a_newer_one_of_that_subject_is_presented_once_it_is_imported(
    home: Home, authority: Hierarchy
) -> None:
    imported(home, authority.issue("localhost", life=timedelta(hours=1)))
    sealing = await seal(home, chosen(), system_clock)
    tasks = [asyncio.ensure_future(one()) for one in sealing.tasks]
    fresh = authority.issue("localhost", now=authority.now + timedelta(minutes=1))
    imported(home, fresh)
    await until(lambda: presented(sealing) == fresh.chain.sha256)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_name_nothing_has_keeps_the_node_from_starting(
    home: Home, authority: Hierarchy
) -> None:
    imported(home, authority.issue("localhost"))
    with pytest.raises(BadConfiguration, match="CN=other"):
        await seal(home, chosen("CN=other"), system_clock)


async def test_whom_the_home_believes_is_written_down_for_commands(
    home: Home, authority: Hierarchy
) -> None:
    imported(home, authority.issue("localhost"))
    assert (await seal(home, chosen(), system_clock)).ca is None
    roots = [authority.root_certificate]
    Stores(home.stores).add_certificates(StoreLocation.LOCAL_MACHINE, StoreName.ROOT, roots)
    assert (await seal(home, chosen(), system_clock)).ca == home.ca
    assert home.ca.read_bytes() == authority.root_pem


def listed(sealing: Sealing) -> list[tuple[str, str, str, bool]]:
    views = sealing.certification.views()
    return [(one.entry, one.kept.role, one.kept.source, one.chain is not None) for one in views]


async def test_whatever_is_presented_is_listed_with_where_it_comes_from(
    home: Home, folder: Path, authority: Hierarchy
) -> None:
    assert listed(await seal(home, OWN, system_clock)) == [("api", "api", "our authority", True)]
    of_folder = await seal(home, supplied(folder), system_clock)
    assert listed(of_folder) == [("api", "api", f"folder {folder}", True)]
    (folder / "tls.crt").write_bytes(b"damaged")
    (view,) = of_folder.certification.views()
    assert view.chain is None
    assert "tls.crt" in str(view.last_error)
    imported(home, authority.issue("localhost"))
    of_store = await seal(home, chosen(), system_clock)
    assert listed(of_store) == [("api", "api", "store LocalMachine/My", True)]


async def test_what_no_server_has_certified_yet_is_listed_with_its_names(home: Home) -> None:
    acme = Acme("https://acme.invalid/directory")
    wish = Wish(Role.API, names=("models.test",), own_names=NAMES, acme=(acme,))
    api, local = (await seal(home, wish, system_clock)).certification.views()
    assert (api.kept.source, api.chain, api.kept.names) == (
        "ACME https://acme.invalid/directory",
        None,
        ("models.test",),
    )
    assert (local.kept.source, local.kept.role) == ("our authority", "api")
