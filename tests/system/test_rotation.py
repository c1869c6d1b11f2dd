"""Certificates change while the product serves: nobody notices but the one who looks."""

import asyncio
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from tests.support import product as products
from tests.support.handshakes import Caller, Watcher
from tests.support.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.system]
SWAPS = 20


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Product]:
    product = products.start(tmp_path / "home")
    yield product
    assert product.stop() == 0


def stored(box: Product) -> x509.Certificate:
    """Return the leaf that the store holds now."""
    current = next((box.home / "certificates").rglob("api/current"))
    return x509.load_pem_x509_certificates((current / "tls.crt").read_bytes())[0]


async def renew(box: Product) -> None:
    """Run `hermetic certificate renew` as an administrator would."""
    environment = products.environment(
        HERMETIC_HOME=str(box.home),
        HERMETIC_URL=box.url,
        HERMETIC_CA=str(box.ca),
        HERMETIC_TOKEN=await asyncio.to_thread(box.token),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hermetic.cli.main", "certificate", "renew"),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert await process.wait() == 0


async def test_twenty_renewals_under_load_fail_no_handshake_and_keep_every_connection(
    box: Product, show: Callable[[str], None]
) -> None:
    watchers = [Watcher(box.port, box.ca) for _ in range(4)]
    callers = [Caller(box.port, box.ca) for _ in range(4)]
    tasks = [asyncio.create_task(one.run()) for one in watchers]
    tasks += [asyncio.create_task(one.run()) for one in callers]
    serials, waits = [stored(box).serial_number], []
    for _ in range(SWAPS):
        await renew(box)
        serials.append(stored(box).serial_number)
        waits.append(await Watcher(box.port, box.ca).until(serials[-1]))
    for watcher in watchers:
        watcher.stopped = True
    for caller in callers:
        caller.stopped = True
    await asyncio.gather(*tasks)
    assert len(set(serials)) == SWAPS + 1
    assert [watcher.failures for watcher in watchers] == [[]] * 4
    assert all(caller.answered > SWAPS for caller in callers)
    for watcher in watchers:  # once the new one was met, the old one never again
        places = [serials.index(serial) for serial in watcher.serials]
        assert places == sorted(places)
    handshakes = sum(len(watcher.serials) for watcher in watchers)
    show(
        f"{SWAPS} renewals, {handshakes} handshakes, 0 failed, 0 stale; the new one presented"
        f" {statistics.median(waits) * 1e3:.0f} ms after the command ended (median)"
    )
