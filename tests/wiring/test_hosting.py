"""The sessions of one box, put together for real."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from hermetic.access.principals import Principal, Role
from hermetic.client.content import whole
from hermetic.clock import TurnedClock
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.config.home import Home
from hermetic.errors import NotFound
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session
from hermetic.wiring.hosting import Hosted, hosted
from hermetic.wiring.keeping import Kept, kept_in
from tests.support.archives import in_pieces

ANNA = Principal("anna", Role.CONTRIBUTOR)
WORKERS = Limits(initial=0, most=2)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
async def kept(home: Home, clock: TurnedClock) -> AsyncIterator[Kept]:
    kept = kept_in(home, 10_000_000, clock)
    await kept.database.open()
    await kept.bundles.start()
    yield kept
    await kept.database.close()


@pytest.fixture
async def execution(home: Home) -> AsyncIterator[LocalExecution]:
    execution = LocalExecution(home.work, limits=WORKERS, hidden=home.root)
    await execution.start()
    yield execution
    await execution.stop(0)


@pytest.fixture
async def box(
    home: Home, kept: Kept, clock: TurnedClock, execution: LocalExecution
) -> AsyncIterator[Hosted]:
    box = hosted(home, kept, clock, execution, WORKERS)
    await box.start()
    yield box
    await box.stop()


async def opened(box: Hosted, snapshot_id: str | None = None) -> Session:
    return await box.sessions.open(ANNA, runtime=RuntimeKind.PYTHON, snapshot_id=snapshot_id)


async def test_what_a_session_held_is_kept_and_runs_in_another(box: Hosted) -> None:
    first = await opened(box)
    await box.sessions.execute(ANNA, first.id, "x = 41; open('ü', 'w').write('wein')", {}, [])
    snapshot = await box.sessions.snapshot(ANNA, first.id)
    await box.sessions.close(ANNA, first.id)
    again = await opened(box, snapshot.id)
    answer = json.loads(await box.sessions.execute(ANNA, again.id, "x += 1", {}, ["x"]))
    assert answer["outputParameters"] == [{"name": "x", "value": 42}]
    found = await box.sessions.read(ANNA, again.id, Shelf.FILES, "ü")
    assert await whole(found.pieces, most=100) == b"wein"


async def test_a_session_nobody_uses_ends_in_the_folder_and_in_the_database(
    box: Hosted, home: Home, clock: TurnedClock
) -> None:
    idle = await opened(box)
    clock.advance(timedelta(hours=24))
    used = await opened(box)
    await box.sweep()
    assert await box.sessions.own(ANNA) == [used]
    assert [path.name for path in home.sessions.iterdir()] == [used.id]
    with pytest.raises(NotFound):
        await box.sessions.names(ANNA, idle.id, Shelf.FILES)


async def test_after_a_restart_sessions_are_cleared_and_snapshots_stay(
    box: Hosted, home: Home, kept: Kept, clock: TurnedClock, execution: LocalExecution
) -> None:
    session = await opened(box)
    await box.sessions.write(ANNA, session.id, Shelf.FILES, "a", in_pieces(b"x"))
    snapshot = await box.sessions.snapshot(ANNA, session.id)
    later = hosted(home, kept, clock, execution, WORKERS)
    await later.start()
    assert list(home.sessions.iterdir()) == []
    assert await later.sessions.own(ANNA) == []
    filled = await opened(later, snapshot.id)
    assert await later.sessions.names(ANNA, filled.id, Shelf.FILES) == ["a"]
    await later.stop()
