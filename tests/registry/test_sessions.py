from datetime import UTC, datetime, timedelta

import pytest

from hermetic.database.database import Database
from hermetic.errors import Busy, NotFound
from hermetic.registry.sessions import SessionRegistry
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def session(number: int, owner: str = "anna", node: str = "") -> Session:
    made = NOW + timedelta(seconds=number)
    return Session(str(number), "tasting", owner, RuntimeKind.R, made, node)


@pytest.fixture
def registry(database: Database) -> SessionRegistry:
    return SessionRegistry(database, most=2)


async def test_sessions_come_back_oldest_first_with_their_node(registry: SessionRegistry) -> None:
    for number in (2, 1):
        await registry.add(session(number, node=f"node-{number}"))
    assert await registry.all() == [session(1, node="node-1"), session(2, node="node-2")]


async def test_a_session_is_found_by_its_owner_alone(registry: SessionRegistry) -> None:
    await registry.add(session(1))
    assert await registry.own("anna") == [session(1)]
    assert await registry.find("anna", "1") == session(1)
    assert await registry.own("bert") == []
    with pytest.raises(NotFound, match="You have no session '1'"):
        await registry.find("bert", "1")


async def test_an_owner_has_only_so_many(registry: SessionRegistry) -> None:
    for number in (1, 2):
        await registry.add(session(number))
    with pytest.raises(Busy, match="close one first"):
        await registry.add(session(3))
    await registry.add(session(3, "bert"))
    await registry.remove("1")
    await registry.add(session(4))


async def test_a_removed_session_is_gone_and_may_be_removed_again(
    registry: SessionRegistry,
) -> None:
    await registry.add(session(1))
    assert await registry.remove("1")
    assert not await registry.remove("1")
    assert await registry.all() == []
