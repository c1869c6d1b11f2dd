"""Eight nodes present one name, and order its certificate once, whoever of them dies or sleeps."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.database.sqlite import SqliteDatabase
from hermetic.errors import Busy, Conflict
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import Chance, Server
from hermetic.issuers.acme.order import Proof
from hermetic.node.renewal import Renewal
from hermetic.node.sharing import (
    LEASE_LIFE,
    Shared,
    SharedAccount,
    SharedPending,
    SharedRenewal,
    SharedStore,
)
from hermetic.registry.leases import Leases
from hermetic.registry.sealed import SealedDocuments
from hermetic.tls.contexts import client_context
from tests.support.acme import pausing
from tests.support.acme_server import AcmeServer, problem, serving
from tests.support.disks import SleeplessDisk

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = b"k" * 32
NODES, ROUNDS = 8, 100
LIFE = timedelta(days=10)


@dataclass
class Sleeping:
    """Proves nothing, since nobody looks; and a node falls asleep in it, when it is told to."""

    kind: str = "http-01"
    asleep: asyncio.Event = field(default_factory=asyncio.Event)
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.wake.set()

    async def present(self, proof: Proof) -> None:
        self.asleep.set()
        await self.wake.wait()

    async def withdraw(self, proof: Proof) -> None:
        return

    async def sweep(self) -> None:
        return


@dataclass
class Node:
    renewal: SharedRenewal
    store: FileStore
    shared: Shared
    prover: Sleeping

    @property
    def serial(self) -> int:
        return self.store.read("api").chain.serial


@dataclass
class Bench:
    server: AcmeServer
    clock: TurnedClock
    nodes: list[Node]

    async def turn(self) -> None:
        await asyncio.gather(*(one.renewal.turn() for one in self.nodes))

    @property
    def orders(self) -> int:
        return self.server.count("neworder")

    @property
    def serials(self) -> set[int]:
        return {one.serial for one in self.nodes}

    def leader(self) -> Node:
        (found,) = [one for one in self.nodes if one.shared.lease is not None]
        return found


def node(folder: Path, database: SqliteDatabase, server: AcmeServer, clock: TurnedClock) -> Node:
    shared = Shared("api", SealedDocuments(database, KEY), Leases(database, clock))
    account, prover = SharedAccount(shared, "acme"), Sleeping()
    told = Server(server.directory, client_context(server.ca), agreed=True)
    issuer = AcmeIssuer(told, account, [prover], Chance(clock, pausing(clock), lambda: 0.5))
    local = FileStore(folder, disk=SleeplessDisk())
    store = SharedStore(shared, local)
    renewal = Renewal(store, "api", issuer, ["a.test"], Role.API, clock, lambda: 0.5)
    renewal.pending = SharedPending(shared)
    documents = account.what("account"), account.what("next")
    return Node(SharedRenewal(shared, renewal, local, documents), local, shared, prover)


@asynccontextmanager
async def bench(folder: Path, nodes: int = NODES) -> AsyncIterator[Bench]:
    clock = TurnedClock(NOW)
    database = SqliteDatabase(folder / "db")
    await database.open()
    async with serving(clock, life=LIFE) as server:
        made = [node(folder / f"{number}", database, server, clock) for number in range(nodes)]
        yield Bench(server, clock, made)
    await database.close()


@pytest.mark.slow
async def test_a_hundred_rounds_are_a_hundred_orders(
    tmp_path: Path, show: Callable[[str], None]
) -> None:
    async with bench(tmp_path) as whole:
        for count in range(1, ROUNDS + 1):
            if count % 10 == 5:
                await paused_in_the_middle(whole)
            else:
                await whole.turn()
            await whole.turn()
            assert whole.orders == count
            assert len(whole.serials) == 1
            if count % 10 == 0:  # the leader dies, and another one has to find out
                leader = whole.leader()
                leader.shared.holder, leader.shared.lease = f"reborn {count}", None
            whole.clock.advance(LIFE * 0.7)
        show(f"{NODES} nodes, {ROUNDS} rounds, leaders paused and dying: {whole.orders} orders")


async def paused_in_the_middle(whole: Bench) -> None:
    """Let the leader fall asleep within its order, be replaced, and wake up too late."""
    await whole.nodes[0].shared.give_back()
    for one in whole.nodes:
        await one.shared.give_back()
    sleeper = whole.nodes[0]
    sleeper.prover.asleep.clear()
    sleeper.prover.wake.clear()
    sleeping = asyncio.create_task(sleeper.renewal.turn())
    waking = asyncio.create_task(sleeper.prover.asleep.wait())
    await asyncio.wait({sleeping, waking}, return_when=asyncio.FIRST_COMPLETED)
    assert not sleeping.done(), "it did not fall asleep"
    whole.clock.advance(LEASE_LIFE + timedelta(seconds=1))
    await asyncio.gather(*(one.renewal.turn() for one in whole.nodes[1:]))
    renewed = {one.serial for one in whole.nodes[1:] if one.shared.lease}
    assert len(renewed) == 1
    sleeper.prover.wake.set()
    await sleeping
    assert whole.orders == whole.server.count("neworder")


async def test_a_late_writer_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path, 2) as whole:
        first, second = whole.nodes
        await whole.turn()
        leader = whole.leader()
        other = second if leader is first else first
        held = leader.shared.lease
        whole.clock.advance(LEASE_LIFE + timedelta(seconds=1))
        assert await other.shared.take()
        leader.shared.lease = held  # it slept, and does not know
        with pytest.raises(Conflict, match="taken over"):
            await asyncio.to_thread(leader.shared.write, "credential", {"tls.crt": b"late"})
        version, documents = await whole.nodes[0].shared.sealed.read("api/credential")
        assert (version, documents["tls.crt"][:5]) == (1, b"-----")


async def test_an_order_that_a_dead_leader_began_is_gone_on_with(tmp_path: Path) -> None:
    async with bench(tmp_path, 2) as whole:
        # the server breaks down after the order was made: the node gives up, and dies then
        whole.server.faults["finalize"] = [problem("serverInternal", 500)] * 20
        await whole.turn()
        assert whole.orders == 1
        leader = whole.leader()
        leader.shared.holder, leader.shared.lease = "reborn", None
        whole.server.faults.clear()
        whole.clock.advance(LEASE_LIFE * 30)
        await whole.turn()
        await whole.turn()
        assert whole.orders == 1
        assert len(whole.serials) == 1


async def test_who_asks_another_node_is_told_so(tmp_path: Path) -> None:
    async with bench(tmp_path, 2) as whole:
        await whole.turn()
        leader = whole.leader()
        (other,) = [one for one in whole.nodes if one is not leader]
        with pytest.raises(Busy, match="Another web node"):
            await other.renewal.renew_now()
        before = leader.serial
        assert (await leader.renewal.renew_now()).chain.serial != before
        await other.renewal.take_in()
        assert other.serial == leader.serial
        assert leader.renewal.last_error is None
        assert leader.renewal.next_at is not None


async def test_nothing_of_a_key_is_in_the_database(tmp_path: Path) -> None:
    async with bench(tmp_path, 1) as whole:
        await whole.turn()
        pem = whole.nodes[0].store.read("api").key_pem
        raw = b"".join(path.read_bytes() for path in tmp_path.glob("db*"))
        assert b"PRIVATE" not in raw
        assert pem.splitlines()[1] not in raw
