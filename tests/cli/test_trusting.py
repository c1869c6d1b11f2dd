"""Trust: authorities go where they belong, are believed, and are believed no longer."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.cli import main
from hermetic.config.home import Home
from tests.support.certificates import DAY
from tests.support.imports import material, pem
from tests.support.mint import Minted, revocation_list

USER, ROOT = StoreLocation.CURRENT_USER, StoreName.ROOT
Captured = pytest.CaptureFixture[str]
Lay = Callable[[bytes], Path]


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Return what writes a document to a file, and returns its path."""

    def write(document: bytes) -> Path:
        path = tmp_path / "authorities.pem"
        path.write_bytes(document)
        return path

    return write


def run(capsys: Captured, *line: object) -> tuple[int, str, str]:
    code = main.run(["certificate", *map(str, line)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def a_list() -> bytes:
    ours = material().ours
    signer = Minted(ours.root_certificate, ours.root.key)
    found = revocation_list(signer, last_update=ours.now - DAY, next_update=ours.now + DAY)
    return pem(found)


def test_each_authority_goes_where_it_belongs(home: Home, lay: Lay, capsys: Captured) -> None:
    file = lay(pem(material().intermediate, material().root) + a_list())
    code, out, err = run(capsys, "trust", file)
    assert (code, err) == (0, "")
    stores = Stores(home.stores)
    assert stores.roots() == (material().root,)
    assert stores.intermediates() == (material().intermediate,)
    assert len(stores.revocation_lists(StoreLocation.LOCAL_MACHINE)) == 1
    assert thumbprints(material().root)[1] in out
    assert "Kept in CertificateAuthority at LocalMachine:" in out


def test_the_location_may_be_the_users(home: Home, lay: Lay, capsys: Captured) -> None:
    line = ("trust", lay(pem(material().root)), "--store-location", "currentuser", "--json")
    code, out, _ = run(capsys, *line)
    told = json.loads(out)
    assert (code, told["warnings"]) == (0, [])
    assert [one["storeLocation"] for one in told["kept"]] == ["CurrentUser"]
    assert Stores(home.stores).certificates(USER, ROOT) == (material().root,)


@pytest.mark.usefixtures("home")
def test_an_intermediate_below_nobody_trusted_is_warned_of(lay: Lay, capsys: Captured) -> None:
    code, _, err = run(capsys, "trust", lay(pem(material().intermediate)))
    assert code == 0
    assert "Warning: 'CN=Ours intermediate" in err


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (pem(material().certificate), "vouches for nobody"),
        (pem(material().root, material().key), "private key"),
        (a_list(), "trust that first"),
    ],
)
def test_what_is_no_authority_is_refused_and_nothing_kept(
    home: Home, lay: Lay, capsys: Captured, document: bytes, told: str
) -> None:
    code, out, err = run(capsys, "trust", lay(document))
    assert (code, out) == (65, "")
    assert told in err
    assert Stores(home.stores).roots() == ()


@pytest.mark.parametrize("which", [0, 1])
def test_an_authority_is_believed_no_longer(
    home: Home, lay: Lay, capsys: Captured, which: int
) -> None:
    file = lay(pem(material().root))
    for location in StoreLocation:
        run(capsys, "trust", file, "--store-location", location)
    stores = Stores(home.stores)
    stores.add(USER, ROOT, material().ours.root)
    capsys.readouterr()
    code, out, _ = run(capsys, "untrust", thumbprints(material().root)[which].upper())
    assert code == 0
    assert out == "Removed from Root at LocalMachine.\nRemoved from Root at CurrentUser.\n"
    assert stores.roots() == ()
    assert len(stores.credentials(USER, ROOT)) == 1


def test_a_revocation_list_is_taken_away_by_its_thumbprint(
    home: Home, lay: Lay, capsys: Captured
) -> None:
    run(capsys, "trust", lay(pem(material().root) + a_list()))
    (found,) = Stores(home.stores).revocation_lists()
    code, out, _ = run(capsys, "untrust", thumbprints(found)[1], "--json")
    place = {"storeName": "CertificateAuthority", "storeLocation": "LocalMachine"}
    assert (code, json.loads(out)) == (0, {"removedFrom": [place]})
    assert Stores(home.stores).roots() == (material().root,)


def test_whom_nobody_believes_cannot_be_believed_less(
    home: Home, lay: Lay, capsys: Captured
) -> None:
    thumbprint = thumbprints(material().certificate)[0]
    assert run(capsys, "untrust", thumbprint)[0] == 66
    Stores(home.stores).add(USER, ROOT, material().leaf)
    code, _, err = run(capsys, "untrust", thumbprint)
    assert code == 66
    assert "certificate list --stores" in err
