"""What every source of trust does: `tls.trust.TrustSource`, and `LiveTrust` on top of it."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.roles import Role
from hermetic.certificates.selection import StoreLocation, StoreName, thumbprints
from hermetic.certstore.stores import Stores
from hermetic.certstore.trusted import TrustedStores
from hermetic.clock import TurnedClock
from hermetic.errors import HermeticError
from hermetic.tls.trust import LiveTrust, TrustSource
from tests.support.authorities import Folders, pem_of
from tests.support.callers import Cast
from tests.support.mint import NOW, Minted
from tests.support.mutual import following
from tests.support.waiting import until

USER, ROOT = StoreLocation.CURRENT_USER, StoreName.ROOT
LONG = timedelta(hours=1)


class Kept(Protocol):
    """A source, and an operator who changes what it holds."""

    source: TrustSource
    folders: list[Path]

    def trust(self, *roots: Minted) -> None: ...
    def damage(self) -> None: ...


class InFolders:
    """A source for tests."""

    def __init__(self, place: Path) -> None:
        self.source = self._folders = Folders(place)
        self.folders = self.source.folders

    def trust(self, *roots: Minted) -> None:
        self._folders.trust(*roots)

    def damage(self) -> None:
        """Spoil whatever is kept first."""
        min(self.folders[0].iterdir()).write_bytes(b"")


class InStores:
    """The stores of a home."""

    def __init__(self, place: Path) -> None:
        self._place, self._stores = place, Stores(place)
        self.source = TrustedStores(self._stores)
        self.folders = [self.source.folder]

    def trust(self, *roots: Minted) -> None:
        wanted = {thumbprints(one.certificate)[1]: one.certificate for one in roots}
        self._stores.add_certificates(USER, ROOT, wanted.values())
        for path in (self._place / "CurrentUser" / "Root" / "certificates").iterdir():
            if path.name not in wanted:
                self._stores.remove(USER, ROOT, path.name)

    def damage(self) -> None:
        """Spoil whatever is kept first, and the sums by which a change is seen."""
        version = min(self._place.rglob("certificate.pem")).parent
        for path in version.iterdir():
            path.write_bytes(b"")


@pytest.fixture(scope="module")
def cast() -> Cast:
    return Cast(NOW)


@pytest.fixture(params=[InFolders, InStores])
def kept(request: pytest.FixtureRequest, tmp_path: Path, cast: Cast) -> Kept:
    made: Kept = request.param(tmp_path / "trust")
    made.trust(cast.root, cast.legacy)
    return made


def live(kept: Kept) -> LiveTrust:
    return LiveTrust(kept.source, role=Role.AUTHENTICATION, clock=TurnedClock(NOW))


def held(kept: Kept) -> set[bytes]:
    return {one.public_bytes(Encoding.PEM) for one in kept.source.roots()}


def test_it_holds_what_was_brought_and_not_what_was_removed(kept: Kept, cast: Cast) -> None:
    assert held(kept) == {pem_of(cast.root), pem_of(cast.legacy)}
    kept.trust(cast.root, cast.stranger)
    assert held(kept) == {pem_of(cast.root), pem_of(cast.stranger)}
    kept.trust()
    assert held(kept) == set()
    assert not [*kept.source.intermediates(), *kept.source.revocation_lists()]


def test_what_is_damaged_is_raised_and_not_left_out(kept: Kept, cast: Cast) -> None:
    kept.damage()
    with pytest.raises(HermeticError):
        kept.source.roots()
    with pytest.raises(HermeticError):
        kept.source.roots()
    kept.trust(cast.root, cast.legacy)
    assert len(held(kept)) == 2


def test_its_digest_tells_every_change(kept: Kept, cast: Cast) -> None:
    changes: list[Callable[[], None]] = [
        lambda: kept.trust(cast.root),
        lambda: kept.trust(cast.root, cast.stranger),
        kept.damage,
        lambda: kept.trust(cast.root, cast.stranger),
        kept.trust,
    ]
    digests = [kept.source.digest()]
    for change in changes:
        change()
        _read(kept)
        digests.append(kept.source.digest())
        assert kept.source.digest() == digests[-1]
    assert all(one != other for one, other in pairwise(digests))


def _read(kept: Kept) -> None:
    """Read it, as whoever follows it does: what is damaged may be moved by that."""
    try:
        kept.source.roots()
    except HermeticError:
        return


async def test_whoever_follows_it_loses_a_root_that_is_removed_and_none_that_is_damaged(
    kept: Kept, cast: Cast
) -> None:
    async with following(live(kept), *kept.folders, poll=timedelta(milliseconds=50)) as trust:
        kept.damage()
        await until(lambda: trust.fault is not None)
        assert len(trust.trust.roots) == 2
        kept.trust(cast.root)
        await until(lambda: trust.fault is None)
    assert [*trust.trust.roots] == [cast.root.certificate]


async def test_its_folders_stir_whoever_watches_them(kept: Kept, cast: Cast) -> None:
    async with following(live(kept), *kept.folders, poll=LONG) as trust:
        kept.trust(cast.root)
        await until(lambda: trust.changes == 1)
    assert [*trust.trust.roots] == [cast.root.certificate]
