"""A disk that fills up at any touch of it, between the first and the last of an order.

The account, the key that waits and the certificate lie on it.  Once there is room again the next try
gets a certificate, and asks for two at most: the one whose address could not be noted is lost to us.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.certificates.credential import fits
from hermetic.certificates.roles import Role
from hermetic.certstore.accounts import Accounts
from hermetic.certstore.disk import Disk
from hermetic.certstore.files import FileStore
from hermetic.certstore.pending import PendingKey
from hermetic.clock import TurnedClock
from hermetic.issuers.acme.client import AcmeIssuer
from hermetic.issuers.acme.conversation import Chance, Server
from hermetic.issuers.acme.http01 import Webroot
from hermetic.node.renewal import Renewal
from hermetic.tls.contexts import client_context
from tests.support.acme import pausing
from tests.support.acme_server import AcmeServer, serving
from tests.support.disks import FullAt, SleeplessDisk, Steps, Stopped, StoppedAt, TroubledDisk

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STRIDE = 4
"""Every fourth touch: what is written three times in a row fails alike."""
pytestmark = pytest.mark.slow


def renewal(
    server: AcmeServer, clock: TurnedClock, folder: Path, trouble: Callable[[str, Path], None]
) -> tuple[Renewal, FileStore]:
    """Return what orders a certificate, as a process that was started has it."""
    disk: Disk = TroubledDisk(trouble, SleeplessDisk())
    (folder / "www").mkdir(parents=True, exist_ok=True)
    told = Server(server.directory, client_context(server.ca), agreed=True)
    account = Accounts(folder / "acme", disk=disk)
    issuer = AcmeIssuer(told, account, [Webroot(folder / "www")], Chance(clock, pausing(clock)))
    store = FileStore(folder / "certificates", disk=disk)
    made = Renewal(store, "api", issuer, ["a.test"], Role.API, clock)
    made.pending = PendingKey(folder / "pending", "api", disk=disk)
    return made, store


async def steps_of(server: AcmeServer, clock: TurnedClock, folder: Path) -> int:
    steps = Steps()
    made, _ = renewal(server, clock, folder, steps)
    await made.turn()
    return len(steps.taken)


async def turned(server: AcmeServer, clock: TurnedClock, folder: Path, number: int) -> None:
    """Let a process order, that ends at the touch *number* of the disk."""
    made, _ = renewal(server, clock, folder, StoppedAt(number))
    await made.turn()


async def test_a_full_disk_costs_no_certificate(tmp_path: Path) -> None:
    clock = TurnedClock(NOW)
    async with serving(clock) as server:
        count = await steps_of(server, clock, tmp_path / "whole")
        assert count > 40
        for number in range(3, count, STRIDE):  # before that there are no folders yet
            trouble, before = FullAt(number), server.count("neworder")
            try:
                made, store = renewal(server, clock, tmp_path / str(number), trouble)
            except Exception:
                trouble.end()
                made, store = renewal(server, clock, tmp_path / str(number), trouble)
            await made.turn()
            trouble.end()
            clock.advance(timedelta(hours=1))
            await made.turn()
            found = store.read("api")
            assert fits(found.key, found.chain.leaf)
            assert server.count("neworder") - before <= 2, number


async def test_the_end_of_the_process_at_any_touch_costs_no_certificate(tmp_path: Path) -> None:
    clock = TurnedClock(NOW)
    async with serving(clock) as server:
        count = await steps_of(server, clock, tmp_path / "whole")
        once = 0
        for number in range(0, count, STRIDE):
            before = server.count("neworder")
            folder = tmp_path / str(number)
            with pytest.raises(Stopped):
                await turned(server, clock, folder, number)
            clock.advance(timedelta(hours=1))
            again, store = renewal(server, clock, folder, Steps())
            await again.turn()
            found = store.read("api")
            assert fits(found.key, found.chain.leaf)
            orders = server.count("neworder") - before
            assert orders <= 2, number
            once += orders == 1
        assert (
            once > count / STRIDE * 0.8
        )  # the window in which an order's address is unknown is small
