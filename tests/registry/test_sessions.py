from datetime import UTC, datetime, timedelta

from hermetic.database.sqlite import SqliteDatabase
from hermetic.registry.sessions import SessionRegistry
from hermetic.serving.service import RuntimeKind
from hermetic.serving.session import Session

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def session(number: int, name: str | None = None) -> Session:
    return Session(str(number), name, "anna", RuntimeKind.R, NOW + timedelta(seconds=number))


async def test_sessions_come_back_oldest_first(database: SqliteDatabase) -> None:
    registry = SessionRegistry(database)
    for number in (2, 1):
        await registry.add(session(number, "tasting"))
    assert await registry.all() == [session(1, "tasting"), session(2, "tasting")]


async def test_a_removed_session_is_gone_and_may_be_removed_again(
    database: SqliteDatabase,
) -> None:
    registry = SessionRegistry(database)
    await registry.add(session(1))
    for _ in range(2):
        await registry.remove("1")
    assert await registry.all() == []
