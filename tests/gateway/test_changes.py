"""What web nodes change, taken in by others over one database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog

from hermetic.access.principals import Account, Role
from hermetic.clock import TurnedClock, system_clock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import Unavailable
from hermetic.gateway.changes import ChangeFeed, Take
from hermetic.registry.principals import Principals
from hermetic.registry.revisions import Kind, Revisions
from hermetic.registry.web_nodes import WebNode, WebNodes
from tests.support.waiting import until


@dataclass
class Node:
    """One web node, as far as changes go."""

    feed: ChangeFeed
    taken: list[tuple[Kind, int]] = field(default_factory=list)
    holding: asyncio.Event = field(default_factory=asyncio.Event)
    taking: bool = False
    broken: bool = False


def node(database: SqliteDatabase, name: str, *, key: str = "key") -> Node:
    now = system_clock()
    me = WebNode(name, f"https://{name}", key, "1", now, now, dict.fromkeys(Kind, 0))

    async def take(kind: Kind, since: int) -> None:
        if made.broken:
            raise Unavailable("The disk is away.")
        made.taking = True
        await made.holding.wait()
        made.taken.append((kind, since))

    def taker(kind: Kind) -> Take:
        return lambda since: take(kind, since)

    feed = ChangeFeed(
        Revisions(database),
        WebNodes(database, system_clock),
        me,
        system_clock,
        period_s=0.02,
    )
    feed.takers = {kind: taker(kind) for kind in Kind}
    made = Node(feed)
    made.holding.set()
    return made


@asynccontextmanager
async def running(one: Node) -> AsyncIterator[Node]:
    await one.feed.start()
    task = asyncio.create_task(one.feed.run())
    yield one
    task.cancel()
    await one.feed.stop()


@pytest.fixture
def principals(database: SqliteDatabase, clock: TurnedClock) -> Principals:
    return Principals(database, clock)


async def change(principals: Principals, name: str = "anna") -> None:
    await principals.add(Account(name, Role.READER, "hash"))


async def test_a_change_of_another_node_is_taken_in(
    database: SqliteDatabase, principals: Principals
) -> None:
    async with running(node(database, "b")) as other:
        await change(principals)
        await until(lambda: bool(other.taken))
    assert other.taken == [(Kind.PRINCIPALS, 0)]


async def test_what_was_there_at_the_start_is_no_change(
    database: SqliteDatabase, principals: Principals
) -> None:
    await change(principals)
    async with running(node(database, "b")) as other:
        await other.feed.learn()
        await change(principals, "bert")
        await other.feed.learn()
    assert other.taken == [(Kind.PRINCIPALS, 1)]


async def test_learning_takes_in_what_was_changed_before_it_was_asked(
    database: SqliteDatabase, principals: Principals
) -> None:
    other = node(database, "b")
    await other.feed.start()
    await change(principals)
    await asyncio.gather(*(other.feed.learn() for _ in range(10)))
    assert other.taken == [(Kind.PRINCIPALS, 0)]


async def test_who_asks_while_one_looks_gets_a_look_of_its_own(
    database: SqliteDatabase, principals: Principals
) -> None:
    other = node(database, "b")
    await other.feed.start()
    await change(principals)
    other.holding.clear()
    first = asyncio.ensure_future(other.feed.learn())
    await until(lambda: other.taking)
    await change(principals, "bert")
    second = asyncio.ensure_future(other.feed.learn())
    other.holding.set()
    await asyncio.gather(first, second)
    assert other.taken == [(Kind.PRINCIPALS, 0), (Kind.PRINCIPALS, 1)]


async def test_telling_waits_until_the_other_node_has_taken_it_in(
    database: SqliteDatabase, principals: Principals
) -> None:
    async with running(node(database, "a")) as one, running(node(database, "b")) as other:
        other.holding.clear()
        await change(principals)
        telling = asyncio.ensure_future(one.feed.tell())
        await until(other.feed._turn.locked)
        assert not telling.done()
        other.holding.set()
        await asyncio.wait_for(telling, 10)
        assert other.taken


async def test_a_node_that_does_not_take_it_in_is_not_waited_for_for_ever(
    database: SqliteDatabase, principals: Principals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermetic.gateway.changes._PATIENCE_S", 0.1)
    async with running(node(database, "a")) as one, running(node(database, "b")) as other:
        other.broken = True
        await change(principals)
        with structlog.testing.capture_logs() as lines:
            await asyncio.wait_for(one.feed.tell(), 10)
    (line,) = [line for line in lines if line["event"] == "changes.not_taken_in"]
    assert line["nodes"] == ["https://b"]


async def test_what_could_not_be_taken_in_is_taken_in_later(
    database: SqliteDatabase, principals: Principals
) -> None:
    async with running(node(database, "b")) as other:
        other.broken = True
        await change(principals)
        with pytest.raises(Unavailable):
            await other.feed.learn()
        other.broken = False
        await until(lambda: bool(other.taken))


async def test_a_node_that_left_or_was_never_there_is_not_waited_for(
    database: SqliteDatabase, principals: Principals
) -> None:
    async with running(node(database, "a")) as one:
        async with running(node(database, "b")):
            pass
        await change(principals)
        await asyncio.wait_for(one.feed.tell(), 10)
        assert one.feed.others() == []


async def test_nodes_that_sign_with_different_keys_are_named(database: SqliteDatabase) -> None:
    async with running(node(database, "a")) as one, running(node(database, "b", key="other")):
        with structlog.testing.capture_logs() as lines:
            await one.feed.tell()
        assert one.feed.differing == ("https://b",)
        assert lines[0]["event"] == "tokens.signing_keys_differ"


async def test_nodes_that_sign_with_one_key_are_not(database: SqliteDatabase) -> None:
    async with running(node(database, "a")) as one, running(node(database, "b")):
        await one.feed.tell()
        assert one.feed.differing == ()
        assert [other.url for other in one.feed.others()] == ["https://b"]


async def test_a_database_that_is_away_for_a_moment_ends_nothing(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "other.sqlite3")
    await database.open()
    one = node(database, "a")
    await one.feed.start()
    with structlog.testing.capture_logs() as lines:
        task = asyncio.create_task(one.feed.run())
        await database.close()
        await until(lambda: any(line["event"] == "changes.unread" for line in lines))
    assert not task.done()
    await one.feed.probe()
    task.cancel()


async def test_a_node_that_was_blind_for_too_long_says_so(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = node(database, "a")
    await one.feed.start()
    await one.feed.probe()
    monkeypatch.setattr("hermetic.gateway.changes._BLIND_S", -1.0)
    with pytest.raises(Unavailable):
        await one.feed.probe()


async def test_nodes_that_sign_with_one_key_again_are_said_to(database: SqliteDatabase) -> None:
    async with running(node(database, "a")) as one:
        with structlog.testing.capture_logs() as lines:
            async with running(node(database, "b", key="other")):
                await one.feed.tell()
            await one.feed.tell()
    told = [line["event"] for line in lines if line["event"].startswith("tokens")]
    assert told == ["tokens.signing_keys_differ", "tokens.signing_keys_agree"]
    assert one.feed.differing == ()


async def test_a_node_that_runs_is_heard_of_and_hears_by_itself(
    database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermetic.gateway.changes._BEAT_S", 0.02)
    async with running(node(database, "a")) as one, running(node(database, "b")) as other:
        await until(lambda: [found.url for found in one.feed.others()] == ["https://b"])
        await until(lambda: [found.url for found in other.feed.others()] == ["https://a"])
        first = other.feed.others()[0].beat_at
        await until(lambda: other.feed.others()[0].beat_at > first)
