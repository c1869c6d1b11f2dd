"""Proofs that every web node shows: in time, for as long as the order, and by whom it is meant."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import BadConfiguration, Conflict
from hermetic.issuers.acme.http01 import Webroot
from hermetic.issuers.acme.order import Proof
from hermetic.node.proofs import SharedProofs
from hermetic.node.sharing import LEASE_LIFE, LOOK_S, Shared
from hermetic.registry.leases import Leases
from hermetic.registry.sealed import SealedDocuments

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = b"k" * 32
PROOF = Proof("http-01", "a.test", "token-1", "token-1.print")
OTHER = Proof("http-01", "b.test", "token-2", "token-2.print")


@dataclass
class Node:
    """A node whose answers lie in a folder of its own."""

    shared: Shared
    proofs: SharedProofs
    folder: Path

    def shown(self) -> dict[str, str]:
        found = (self.folder / ".well-known" / "acme-challenge").glob("*")
        return {one.name: one.read_text() for one in found}


@dataclass
class Bench:
    database: SqliteDatabase
    clock: TurnedClock
    folder: Path
    paused: list[float]

    def node(self, name: str, meanwhile: Callable[[], Awaitable[None]] | None = None) -> Node:
        """Return a node; *meanwhile* is done while it gives others the time to look."""
        folder = self.folder / name
        folder.mkdir()
        shared = Shared(
            "api", SealedDocuments(self.database, KEY), Leases(self.database, self.clock)
        )

        async def pause(seconds: float) -> None:
            self.paused.append(seconds)
            if meanwhile is not None:
                await meanwhile()

        return Node(shared, SharedProofs(shared, [Webroot(folder)], self.clock, pause), folder)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    database = SqliteDatabase(tmp_path / "db")
    await database.open()
    yield Bench(database, TurnedClock(NOW), tmp_path, [])
    await database.close()


async def test_all_show_it_when_it_is_told_to_the_server_and_none_after_the_order(
    bench: Bench,
) -> None:
    other = bench.node("other")
    leader = bench.node("leader", other.proofs.follow)
    assert await leader.shared.take()
    (prover,) = leader.proofs.provers()
    await asyncio.gather(prover.present(PROOF), prover.present(OTHER))
    both = {"token-1": "token-1.print", "token-2": "token-2.print"}
    assert (leader.shown(), other.shown()) == (both, both)
    assert min(bench.paused) > 2 * LOOK_S
    await prover.withdraw(PROOF)
    await other.proofs.follow()
    assert list(other.shown()) == ["token-2"]
    await prover.withdraw(PROOF)  # twice does no harm
    await prover.withdraw(OTHER)
    await other.proofs.follow()
    assert (leader.shown(), other.shown()) == ({}, {})


async def test_what_a_dead_node_showed_is_swept_by_the_next_and_ends_by_itself(
    bench: Bench,
) -> None:
    dead, next_, third = bench.node("dead"), bench.node("next"), bench.node("third")
    assert await dead.shared.take()
    await dead.proofs.provers()[0].present(PROOF)
    for one in (next_, third):
        await one.proofs.follow()
        assert list(one.shown()) == ["token-1"]
    bench.clock.advance(timedelta(minutes=16))
    await third.proofs.follow()
    assert not third.shown()
    bench.clock.advance(-timedelta(minutes=16))
    await third.proofs.follow()
    assert third.shown()
    bench.clock.advance(2 * LEASE_LIFE)
    assert await next_.shared.take()
    await next_.proofs.provers()[0].sweep()
    for one in (next_, third):
        await one.proofs.follow()
        assert not one.shown()


async def test_who_goes_on_with_an_order_goes_on_showing_what_it_had_shown_for_another(
    bench: Bench,
) -> None:
    """A look between two turns must not take away what an order of our own shows by now."""
    dead, next_ = bench.node("dead"), bench.node("next")
    assert await dead.shared.take()
    await dead.proofs.provers()[0].present(PROOF)
    await next_.proofs.follow()
    bench.clock.advance(2 * LEASE_LIFE)
    assert await next_.shared.take()
    await next_.proofs.provers()[0].present(PROOF)
    await next_.proofs.follow()
    assert list(next_.shown()) == ["token-1"]
    await next_.proofs.provers()[0].withdraw(PROOF)
    await next_.proofs.follow()
    assert not next_.shown()


async def test_a_node_that_was_paused_past_its_lease_lets_nobody_show_anything(
    bench: Bench,
) -> None:
    paused, leader, third = bench.node("paused"), bench.node("leader"), bench.node("third")
    assert await paused.shared.take()
    bench.clock.advance(2 * LEASE_LIFE)
    assert await leader.shared.take()
    with pytest.raises(Conflict):
        await paused.proofs.provers()[0].present(PROOF)
    await third.proofs.follow()
    assert not third.shown()


async def test_where_it_cannot_be_shown_that_is_told_and_the_others_go_on(bench: Bench) -> None:
    broken = bench.node("broken")
    broken.folder.rmdir()
    leader = bench.node("leader", broken.proofs.follow)
    assert await leader.shared.take()
    with structlog.testing.capture_logs() as lines:
        await leader.proofs.provers()[0].present(PROOF)
        await broken.proofs.follow()  # and is not told again at each look
    assert [one["event"] for one in lines] == ["acme.not_shown"]
    assert list(leader.shown()) == ["token-1"]


async def test_nothing_is_believed_that_was_not_sealed_with_our_key(bench: Bench) -> None:
    leader, other = bench.node("leader"), bench.node("other")
    strange = Shared(
        "api", SealedDocuments(bench.database, b"x" * 32), Leases(bench.database, bench.clock)
    )
    assert await strange.take()
    await SharedProofs(strange, [Webroot(leader.folder)], bench.clock, asyncio.sleep).sweep()
    await asyncio.to_thread(strange.write, "proofs", {"0 a.test t": b"{}"})
    with pytest.raises(BadConfiguration, match="another"):
        await other.proofs.follow()
    assert not other.shown()


async def test_what_a_newer_node_writes_is_left_alone(bench: Bench) -> None:
    leader, other = bench.node("leader"), bench.node("other")
    assert await leader.shared.take()
    await asyncio.to_thread(leader.shared.write, "proofs", {"0 a.test t": b'{"by": 0}'})
    with structlog.testing.capture_logs() as lines:
        await other.proofs.follow()
        await other.proofs.follow()
    assert [one["event"] for one in lines] == ["acme.not_shown"]
    assert not other.shown()
