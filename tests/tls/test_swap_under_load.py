"""Certificates change under load: no handshake fails, no connection is dropped, nothing is stale.

The figures are printed; only generous bounds are asserted, since the machine may be busy.
"""

import asyncio
import shutil
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509

from hermetic.certificates.credential import Credential
from hermetic.certificates.names import DistinguishedName
from hermetic.certificates.roles import Role
from hermetic.certificates.selection import Choice, StoreLocation, StoreName
from hermetic.certstore.chosen import Chosen
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
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
PLACE = StoreLocation.LOCAL_MACHINE, StoreName.MY
Put = Callable[[Credential], object]


@pytest.fixture
async def followed(tmp_path: Path, authority: Hierarchy) -> Followed:
    return Followed(tmp_path / "api", authority.issue(), TurnedClock(authority.now))


@asynccontextmanager
async def under_load(
    followed: Followed, authority: Hierarchy, *, connecting: int, staying: int, **options: object
) -> AsyncIterator[Load]:
    """Serve the context to clients that connect and clients that stay."""
    limits = Limits(per_address=10_000)
    port = await listen(followed.context.base, limits=limits)
    load = Load(port, trusting(authority.root_pem))
    async with followed.running(**options):
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


async def import_under_load(
    folder: Path, followed: Followed, authority: Hierarchy, *, times: int, clients: int
) -> str:
    """Import one renewal after the other beside what is there; return the figures.

    Each is also asked for by a client that is not Python's.
    """
    stores = Stores(folder / "stores")
    stores.add(*PLACE, followed.context.credential)
    choice = Choice(*PLACE, subject=DistinguishedName.parse("CN=localhost"))
    chosen = Chosen(stores, choice, role=Role.API, clock=followed.clock)
    followed.folder = chosen.folder
    ages = [timedelta(seconds=second + 1) for second in range(times)]
    renewals = [authority.issue(now=authority.now + age) for age in ages]
    before = followed.context.credential
    options = {"read": chosen.read, "digest": chosen.digest}
    async with under_load(
        followed, authority, connecting=clients, staying=clients, **options
    ) as load:
        waits = []
        for one in renewals:
            waits += await swap(load, partial(stores.add, *PLACE), [one])
            shown = await asyncio.to_thread(serial_for_openssl, load.port.number)
            assert shown == one.chain.serial
    assert len(stores.credentials(*PLACE)) == times + 1
    return check(load, [before, *renewals], waits)


def serial_for_openssl(port: int) -> int:
    line = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "localhost"]
    shaken = subprocess.run(line, input=b"bye", capture_output=True, check=False)
    pem = shaken.stdout[shaken.stdout.index(b"-----BEGIN CERTIFICATE-----") :]
    return x509.load_pem_x509_certificate(pem).serial_number


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_a_few_imports_into_a_store_go_unnoticed(
    tmp_path: Path, followed: Followed, authority: Hierarchy, show: Callable[[str], None]
) -> None:
    show(await import_under_load(tmp_path, followed, authority, times=3, clients=2))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_twenty_imports_into_a_store_go_unnoticed(
    tmp_path: Path, followed: Followed, authority: Hierarchy, show: Callable[[str], None]
) -> None:
    show(await import_under_load(tmp_path, followed, authority, times=20, clients=4))


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
