"""Two issuers, each for names of its own."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.errors import Unreachable
from hermetic.issuers.divided import Divided
from tests.support.acme import requesting
from tests.support.authority import opened
from tests.support.disks import SleeplessDisk
from tests.support.renewing import Issuing

CLOCK = TurnedClock(datetime(2026, 11, 26, 12, tzinfo=UTC))


@pytest.fixture
def two(tmp_path: Path) -> list[Issuing]:
    stores = [FileStore(tmp_path / name, disk=SleeplessDisk()) for name in ("some", "others")]
    return [Issuing(opened(keys, CLOCK), keys, CLOCK) for keys in stores]


def divided(two: list[Issuing]) -> Divided:
    return Divided(two[0], two[1], lambda name: name.endswith(".internal"))


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (["a.internal"], [1, 0]),
        (["a.test"], [0, 1]),
        (["a.internal", "a.test"], [0, 1]),
    ],
)
async def test_each_is_asked_for_its_own(
    two: list[Issuing], names: list[str], asked: list[int]
) -> None:
    issuer = divided(two)
    chain = await issuer.issue(requesting(names), Role.API)
    assert [len(one.asked) for one in two] == asked
    assert [one.issued(chain) for one in two] == [bool(count) for count in asked]
    assert issuer.issued(chain)
    assert await issuer.suggested(chain) is None


async def test_neither_takes_the_place_of_the_other(two: list[Issuing]) -> None:
    two[1].failing = Unreachable("Down.")
    with pytest.raises(Unreachable):
        await divided(two).issue(requesting(["a.test"]), Role.API)
    assert two[0].asked == []


async def test_what_the_other_issued_before_is_foreign(two: list[Issuing]) -> None:
    chain = await two[0].issue(requesting(["a.test"]), Role.API)
    assert not divided(two).issued(chain)


def test_what_one_of_them_does_is_told(two: list[Issuing]) -> None:
    assert divided(two).doing == ""
    two[1].doing = "waits"
    assert divided(two).doing == "waits"
