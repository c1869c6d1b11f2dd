"""Certificates change under load: no handshake fails, no connection is dropped, nothing is stale.

The figures are printed; only generous bounds are asserted, since the machine may be busy.
"""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from hermetic.certstore.files import FileStore
from hermetic.clock import TurnedClock
from hermetic.node.listener import Limits
from tests.support.bad_pairs import BAD_PAIRS
from tests.support.certificates import Hierarchy
from tests.support.following import Followed
from tests.support.listening import listen
from tests.support.load import Load
from tests.support.memory_tls import trusting
from tests.support.volumes import SecretVolume, pair_of

GENEROUS_S = 1.0
Put = Callable[[Credential], None]


@pytest.fixture
async def followed(tmp_path: Path, authority: Hierarchy) -> Followed:
    return Followed(tmp_path / "api", authority.issue(), TurnedClock(authority.now))


@asynccontextmanager
async def under_load(
    followed: Followed, authority: Hierarchy, *, connecting: int, staying: int
) -> AsyncIterator[Load]:
    """Serve the context to clients that connect and clients that stay."""
    limits = Limits(per_address=10_000)
    port = await listen(followed.context.base, limits=limits)
    load = Load(port, trusting(authority.root_pem))
    async with followed.running():
        async with load.running(connecting=connecting, staying=staying):
            yield load
        port.listener.close()
        await port.listener.wait_closed()


async def swap(load: Load, put: Put, credentials: list[Credential]) -> list[float]:
    """Put one after the other; return how long each took to be met, in seconds."""
    waits = []
    for credential in credentials:
        await asyncio.to_thread(put, credential)
        changed = time.perf_counter()
        waits.append(await load.meets(credential.chain.serial) - changed)
        await load.goes_on(4)
    return waits


def check(load: Load, credentials: list[Credential], waits: list[float]) -> str:
    """Assert that nobody noticed, and return the figures."""
    assert not load.failures
    stale = load.stale([one.chain.serial for one in credentials])
    assert stale == 0
    assert all(answers > len(waits) for answers in load.answers)
    median, worst = statistics.median(waits), max(waits)
    assert median < GENEROUS_S
    return (
        f"{len(waits)} swaps, {len(load.handshakes)} handshakes, 0 failed, {stale} stale,"
        f" {len(load.answers)} of {len(load.answers)} streams kept;"
        f" first new one after {median * 1e3:.0f} ms (median), {worst * 1e3:.0f} ms (worst)"
    )


async def test_a_few_swaps_of_our_store_go_unnoticed(
    tmp_path: Path, followed: Followed, authority: Hierarchy, show: Callable[[str], None]
) -> None:
    store, credentials = FileStore(tmp_path), [authority.issue() for _ in range(5)]
    store.write("api", followed.context.credential)
    before = followed.context.credential
    async with under_load(followed, authority, connecting=2, staying=2) as load:
        waits = await swap(load, lambda one: store.write("api", one), credentials)
    show(check(load, [before, *credentials], waits))


@pytest.mark.slow
async def test_twenty_swaps_under_load_go_unnoticed(
    tmp_path: Path, followed: Followed, authority: Hierarchy, show: Callable[[str], None]
) -> None:
    store, credentials = FileStore(tmp_path), [authority.issue() for _ in range(20)]
    store.write("api", followed.context.credential)
    before = followed.context.credential
    async with under_load(followed, authority, connecting=4, staying=4) as load:
        waits = await swap(load, lambda one: store.write("api", one), credentials)
    show(check(load, [before, *credentials], waits))


@pytest.mark.slow
async def test_a_hundred_rotations_of_a_secret_volume_are_all_served(
    followed: Followed, authority: Hierarchy, show: Callable[[str], None]
) -> None:
    credentials = [authority.issue() for _ in range(100)]
    before = followed.context.credential
    volume = SecretVolume(followed.folder, pair_of(before))
    async with under_load(followed, authority, connecting=2, staying=2) as load:
        waits = await swap(load, lambda one: volume.rotate(pair_of(one)), credentials)
    assert followed.context.swaps == 100
    show(check(load, [before, *credentials], waits))


async def test_no_kind_of_bad_pair_is_noticed_by_a_client(
    followed: Followed, authority: Hierarchy, show: Callable[[str], None]
) -> None:
    good, kinds = followed.context.credential, [bad.code for bad in BAD_PAIRS]
    volume = SecretVolume(followed.folder, pair_of(good))
    async with under_load(followed, authority, connecting=2, staying=2) as load:
        for number, bad in enumerate(BAD_PAIRS):
            volume.rotate(bad.make(authority))
            await followed.refuses(bad.code, kinds[: number + 1].count(bad.code))
            await load.goes_on(4)
    assert not load.failures
    assert {one.serial for one in load.handshakes} == {good.chain.serial}
    assert followed.context.refusals == Counter(kinds)
    show(f"{len(BAD_PAIRS)} bad pairs, {len(load.handshakes)} handshakes, 0 failed")
