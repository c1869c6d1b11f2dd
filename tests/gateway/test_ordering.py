"""Certificates of host names of ours: had, and due."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.certificates.renewal import Window
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.errors import CertificateRejected, TooManyAttempts, Unreachable
from hermetic.gateway.ordering import Ordering
from hermetic.issuers.issuer import Suggestion
from tests.support.authority import opened
from tests.support.disks import SleeplessDisk
from tests.support.renewing import Answer, Issuing

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOST = "contoso.local.hermetic.internal"
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW)


@pytest.fixture
def issuer(tmp_path: Path, clock: TurnedClock) -> Issuing:
    keys = FileStore(tmp_path / "keys", disk=SleeplessDisk())
    return Issuing(opened(keys, clock), keys, clock)


@pytest.fixture
def ordering(issuer: Issuing, clock: TurnedClock) -> Ordering:
    return Ordering(issuer, clock)


async def test_a_certificate_is_had_with_a_key_of_its_own(ordering: Ordering) -> None:
    one, other = [await ordering.issued(HOST, None) for _ in range(2)]
    assert one.chain.names == other.chain.names == (HOST,)
    assert one.key_pem != other.key_pem


async def test_what_another_issued_is_not_said_to_be_replaced(
    ordering: Ordering, issuer: Issuing
) -> None:
    first = await ordering.issued(HOST, None)
    await ordering.issued(HOST, first.chain)
    issuer.trusted = False
    await ordering.issued(HOST, first.chain)
    assert issuer.replaced == [None, first.chain, None]


@pytest.mark.parametrize(
    "answer",
    [
        lambda key, _other: (key, ["other.test"], Role.API, NOW),
        lambda key, _other: (key, [HOST], Role.AUTHENTICATION, NOW),
        lambda key, _other: (key, [HOST], Role.API, NOW - 3 * DAY),
    ],
)
async def test_what_could_not_be_presented_is_refused(
    ordering: Ordering, issuer: Issuing, answer: Answer
) -> None:
    issuer.answer = answer
    with pytest.raises(CertificateRejected):
        await ordering.issued(HOST, None)


async def test_it_is_due_after_two_thirds_and_not_before(
    ordering: Ordering, clock: TurnedClock
) -> None:
    chain = (await ordering.issued(HOST, None)).chain
    due = ordering.due(chain)
    assert not await ordering.is_due(due, chain)
    clock.advance(DAY * 2 / 3 - timedelta(minutes=10))
    assert not await ordering.is_due(due, chain)
    clock.advance(timedelta(hours=2))
    assert await ordering.is_due(due, chain)


async def test_its_issuer_may_have_it_renewed_earlier(ordering: Ordering, issuer: Issuing) -> None:
    chain = (await ordering.issued(HOST, None)).chain
    window = Window(NOW - 2 * DAY, NOW - DAY)
    issuer.suggestion = Suggestion(window, NOW + DAY)
    due = ordering.due(chain)
    await ordering.is_due(due, chain)
    assert due.at < chain.not_before + DAY / 2


async def test_what_another_issued_is_due_at_once(ordering: Ordering, issuer: Issuing) -> None:
    chain = (await ordering.issued(HOST, None)).chain
    issuer.trusted = False
    assert await ordering.is_due(ordering.due(chain), chain)


async def test_a_failure_is_given_its_time_or_what_the_issuer_asks_for(
    ordering: Ordering, issuer: Issuing, clock: TurnedClock
) -> None:
    chain = (await ordering.issued(HOST, None)).chain
    issuer.trusted, due = False, ordering.due(chain)
    assert ordering.failed(due, chain, Unreachable("It is down.")) == 1
    assert not await ordering.is_due(due, chain)
    clock.advance(timedelta(minutes=1))
    assert await ordering.is_due(due, chain)
    assert ordering.failed(due, chain, TooManyAttempts("Patience.", 3600)) == 2
    clock.advance(timedelta(minutes=59))
    assert not await ordering.is_due(due, chain)
    clock.advance(timedelta(minutes=2))
    assert await ordering.is_due(due, chain)


async def test_what_could_not_be_kept_is_offered_again(
    ordering: Ordering, issuer: Issuing, clock: TurnedClock
) -> None:
    chain = (await ordering.issued(HOST, None)).chain
    due = ordering.due(chain)
    fresh = await ordering.renewed(due, HOST, chain)
    assert await ordering.renewed(due, HOST, chain) is fresh
    assert len(issuer.asked) == 2
    clock.advance(timedelta(hours=17))
    assert await ordering.renewed(due, HOST, chain) is not fresh


async def test_of_a_life_that_is_cut_short_half_is_waited(
    ordering: Ordering, clock: TurnedClock
) -> None:
    chain = (await ordering.issued(HOST, None)).chain
    clock.advance(timedelta(hours=20))
    left = chain.not_after - clock()
    assert ordering.due(chain).at < clock()
    assert ordering.due_of_fresh(chain).at == clock() + left / 2
