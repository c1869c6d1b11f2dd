from datetime import UTC, datetime
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.errors import BadConfiguration, TooManyAttempts, Unreachable
from hermetic.issuers.several import Several
from tests.support.acme import requesting
from tests.support.authority import opened
from tests.support.disks import SleeplessDisk
from tests.support.renewing import Issuing

CLOCK = TurnedClock(datetime(2026, 11, 26, 12, tzinfo=UTC))


@pytest.fixture
def two(tmp_path: Path) -> list[Issuing]:
    made = []
    for name in ("one", "other"):
        keys = FileStore(tmp_path / name, disk=SleeplessDisk())
        made.append(Issuing(opened(keys, CLOCK), keys, CLOCK))
    return made


async def test_the_first_is_asked_as_long_as_it_issues(two: list[Issuing]) -> None:
    issuer = Several(two)
    chain = await issuer.issue(requesting(["a.test"]), Role.API)
    assert [len(one.asked) for one in two] == [1, 0]
    assert issuer.issued(chain)
    assert await issuer.suggested(chain) is None


async def test_where_it_does_not_the_next_is_and_knows_nothing_of_what_is_replaced(
    two: list[Issuing],
) -> None:
    issuer = Several(two)
    first = await issuer.issue(requesting(["a.test"]), Role.API)
    two[0].failing = TooManyAttempts("Patience.", 3600)
    second = await issuer.issue(requesting(["a.test"]), Role.API, replacing=first)
    assert [one.issued(second) for one in two] == [False, True]
    assert two[0].replaced[1] is first
    assert two[1].replaced == [None]


async def test_one_that_hangs_keeps_nobody_from_the_next(two: list[Issuing]) -> None:
    two[0].hangs = True
    chain = await Several(two, within_s=0.05).issue(requesting(["a.test"]), Role.API)
    assert two[1].issued(chain)


async def test_if_none_does_the_first_ones_reason_is_told(two: list[Issuing]) -> None:
    two[0].failing, two[1].failing = TooManyAttempts("Patience.", 3600), Unreachable("Down.")
    with pytest.raises(TooManyAttempts):
        await Several(two).issue(requesting(["a.test"]), Role.API)
    with pytest.raises(BadConfiguration):
        Several([])
