"""What is in the stores, listed for a person and for a program."""

import json
from datetime import timedelta

import pytest

from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.cli import inventory, main
from hermetic.config.home import Home
from tests.support.certificates import DAY
from tests.support.imports import material
from tests.support.mint import NOW, authority, leaf, revocation_list

MACHINE, USER = StoreLocation.LOCAL_MACHINE, StoreLocation.CURRENT_USER
Captured = pytest.CaptureFixture[str]
SIGNER = authority()
LIST = revocation_list(SIGNER, leaf(SIGNER), next_update=NOW + 3 * DAY)


@pytest.fixture
def stores(home: Home) -> Stores:
    stores = Stores(home.stores)
    stores.add(MACHINE, StoreName.MY, material().leaf)
    stores.add_certificates(USER, StoreName.ROOT, [material().root])
    stores.add_revocation_list(USER, LIST)
    return stores


def listed(capsys: Captured, *options: str) -> list[dict[str, object]]:
    assert main.run(["certificate", "list", "--json", *options]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.usefixtures("stores")
def test_everything_is_listed_with_its_place(capsys: Captured) -> None:
    found = listed(capsys, "--stores")
    assert [(one["kind"], one["storeName"], one["storeLocation"]) for one in found] == [
        ("credential", "My", "LocalMachine"),
        ("certificate", "Root", "CurrentUser"),
        ("revocation list", "CertificateAuthority", "CurrentUser"),
    ]
    assert [one.get("hasKey") for one in found] == [True, False, None]
    signed = [thumbprints(one) for one in (material().certificate, material().root)]
    signed.append(thumbprints(LIST))
    assert [(one["sha1"], one["sha256"]) for one in found] == signed


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        (["--store-name", "my"], ["credential"]),
        (["--store-location", "CurrentUser"], ["certificate", "revocation list"]),
        (["--store-location", "currentuser", "--store-name", "Root"], ["certificate"]),
    ],
)
def test_only_the_stores_that_are_named_are_listed(
    capsys: Captured, options: list[str], kinds: list[str]
) -> None:
    assert [one["kind"] for one in listed(capsys, *options)] == kinds


@pytest.mark.usefixtures("stores")
def test_a_store_that_does_not_exist_is_told(capsys: Captured) -> None:
    assert main.run(["certificate", "list", "--store-name", "Personal"]) == 65
    assert "My or Root or CertificateAuthority" in capsys.readouterr().err


@pytest.mark.usefixtures("stores")
def test_a_person_reads_it_line_by_line(capsys: Captured) -> None:
    assert main.run(["certificate", "list", "--stores"]) == 0
    shown = capsys.readouterr().out
    for line in (
        "store       My at LocalMachine",
        "subject     CN=api.example",
        "purpose     serverAuth",
        "purpose     any",
        "has key     yes",
        f"SHA-1       {thumbprints(material().certificate)[0]}",
    ):
        assert line in shown.splitlines()
    assert "PRIVATE" not in shown


def test_an_empty_home_lists_nothing_and_is_left_alone(home: Home, capsys: Captured) -> None:
    assert main.run(["certificate", "list", "--stores"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "hermetic certificate import" in shown.err
    assert listed(capsys, "--stores") == []
    assert not home.stores.exists()


def test_days_are_counted_to_the_end() -> None:
    place = USER, StoreName.CERTIFICATE_AUTHORITY
    told = inventory.described(inventory.Found(LIST, place), NOW + timedelta(hours=1))
    assert (told["daysLeft"], told["revoked"], told["notAfter"]) == (2, 1, "2026-06-04T12:00:00Z")


def test_a_damaged_one_is_told_on_standard_error(
    home: Home, stores: Stores, capsys: Captured
) -> None:
    for path in home.stores.rglob("tls.key"):
        path.write_bytes(b"")
    found = listed(capsys, "--store-name", "My")
    assert found == []
    assert main.run(["certificate", "list", "--store-name", "Root"]) == 0
    assert "certificate.quarantined" not in capsys.readouterr().out
