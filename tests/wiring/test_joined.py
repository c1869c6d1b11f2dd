"""A node keeps up with the authority that it has joined: trusts what it says, and that alone."""

import base64
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.chain import Chain
from hermetic.certificates.revoking import Revoked, revocation_list
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certstore.stores import Stores
from hermetic.config.home import Home
from hermetic.errors import BadConfiguration, Unreachable
from hermetic.issuers.acme.messages import TrustInfo
from hermetic.wiring.joined import Following, Joined, joined_if, joined_to, keep
from tests.support.certificates import DAY, Hierarchy, hierarchy

ONE, OTHER, OWN = hierarchy(), hierarchy(), hierarchy()
MACHINE = StoreLocation.LOCAL_MACHINE


def sha256(authority: Hierarchy) -> str:
    return Chain((authority.root_certificate,)).sha256


def told(*authorities: Hierarchy) -> TrustInfo:
    return TrustInfo(tuple(one.root_pem.decode() for one in authorities))


@pytest.fixture
def joined(home: Home) -> Joined:
    Stores(home.stores).add_certificates(MACHINE, StoreName.ROOT, [OWN.root_certificate])
    new = Joined("https://web/acme/directory", ("compute",), ("c.test",), ())
    return keep(home, new, told(ONE))


def trusted(home: Home) -> set[str]:
    return {Chain((one,)).sha256 for one in Stores(home.stores).roots()}


def test_what_was_joined_is_known_again(home: Home, joined: Joined) -> None:
    assert joined_to(home) == joined == joined_if(home)
    assert joined.roots == (sha256(ONE),)
    assert trusted(home) == {sha256(ONE), sha256(OWN)}
    assert home.joined_roots.read_bytes() == ONE.root_pem
    assert home.joined.stat().st_mode & 0o077 == 0


def test_who_has_joined_nobody_is_told_how(tmp_path: Path) -> None:
    home = Home(tmp_path / "none")
    assert joined_if(home) is None
    with pytest.raises(BadConfiguration, match="hermetic node join"):
        joined_to(home)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"directory": 1}', "\x00"])
def test_a_damaged_file_is_told(home: Home, text: str) -> None:
    home.joined.write_text(text)
    with pytest.raises(BadConfiguration, match="join again"):
        joined_if(home)


def test_roots_come_and_go_as_the_authority_says_and_no_others(home: Home, joined: Joined) -> None:
    now = keep(home, joined, told(OTHER, ONE))
    assert trusted(home) == {sha256(one) for one in (ONE, OTHER, OWN)}
    now = keep(home, now, told(OTHER))
    assert trusted(home) == {sha256(OTHER), sha256(OWN)}
    assert joined_to(home) == now
    assert home.joined_roots.read_bytes() == OTHER.root_pem


def test_what_was_revoked_is_kept(home: Home, joined: Joined) -> None:
    found = revocation_list(ONE.intermediate, [Revoked(7, ONE.now)], now=ONE.now, life=DAY)
    der = base64.b64encode(found.public_bytes(Encoding.DER)).decode()
    keep(home, joined, TrustInfo((ONE.root_pem.decode(),), (der,)))
    assert Stores(home.stores).revocation_lists() == (found,)


class Asking:
    def __init__(self, *answers: TrustInfo | Exception) -> None:
        self.answers, self.held, self.believed = list(answers), list[Sequence[str]](), list[str]()

    async def trusted(self, holds: Sequence[str]) -> TrustInfo:
        self.held.append(tuple(holds))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def believe(self, roots: str) -> None:
        self.believed.append(roots)


async def test_a_new_root_is_said_to_be_trusted_once_it_is(home: Home, joined: Joined) -> None:
    asking = Asking(told(ONE, OTHER), told(ONE, OTHER))
    following = Following(home, asking)
    assert await following.once()
    assert not await following.once()
    assert asking.held == [joined.roots, (sha256(ONE), sha256(OTHER))]
    assert len(asking.believed) == 1


async def test_a_silent_authority_changes_nothing(home: Home, joined: Joined) -> None:
    with pytest.raises(Unreachable):
        await Following(home, Asking(Unreachable("Nobody."))).once()
    assert joined_to(home) == joined
