from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import RefusedByIssuer
from hermetic.registry.enrolments import SpentNonces
from hermetic.web.acme.nonces import LIFE, Nonces

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW)


async def refused(nonces: Nonces, nonce: str) -> str:
    with pytest.raises(RefusedByIssuer) as caught:
        await nonces.take(nonce)
    return caught.value.code


async def test_a_nonce_is_good_once_at_whichever_node(tmp_path: Path, clock: TurnedClock) -> None:
    database = SqliteDatabase(tmp_path / "db")
    await database.open()
    one, other = (Nonces(b"secret", SpentNonces(database, clock), clock) for _ in range(2))
    nonce = one.new()
    await other.take(nonce)
    assert await refused(one, nonce) == "badNonce"
    assert nonce != one.new()
    await database.close()


async def test_a_nonce_ends_and_is_not_of_tomorrow(tmp_path: Path, clock: TurnedClock) -> None:
    database = SqliteDatabase(tmp_path / "db")
    await database.open()
    nonces = Nonces(b"secret", SpentNonces(database, clock), clock)
    late, early = nonces.new(), nonces.new()
    clock.advance(LIFE + timedelta(seconds=1))
    assert await refused(nonces, late) == "badNonce"
    clock.advance(-LIFE - timedelta(hours=1))
    assert await refused(nonces, early) == "badNonce"
    await database.close()


async def test_what_was_made_elsewhere_or_changed_is_refused(
    tmp_path: Path, clock: TurnedClock
) -> None:
    database = SqliteDatabase(tmp_path / "db")
    await database.open()
    spent = SpentNonces(database, clock)
    nonces, other = Nonces(b"secret", spent, clock), Nonces(b"another", spent, clock)
    nonce = nonces.new()
    for wrong in (other.new(), "", "x", "A" * len(nonce), nonce[:-4], nonce + "AAAA", nonce + "="):
        assert await refused(nonces, wrong) == "badNonce"
    flipped = nonce[:5] + ("A" if nonce[5] != "A" else "B") + nonce[6:]
    assert await refused(nonces, flipped) == "badNonce"
    await nonces.take(nonce)
    await database.close()
