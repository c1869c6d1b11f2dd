"""A listener whose certificate is an ACME server's, through good days and bad ones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.clock import TurnedClock
from hermetic.config.acme import Acme
from hermetic.config.home import Home
from hermetic.wiring.certified import LOCAL, certified
from hermetic.wiring.own import own_renewal
from hermetic.wiring.sealing import Sealing
from hermetic.wiring.wish import Wish
from tests.support.acme_server import AcmeServer, Fault, serving
from tests.support.waiting import until

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
NAME = "models.test"
DOWN = [Fault(500)] * 1000


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock(NOW)


@pytest.fixture
async def server(clock: TurnedClock) -> AsyncIterator[AcmeServer]:
    async with serving(clock, life=timedelta(days=45)) as made:
        yield made


async def sealed(home: Home, server: AcmeServer, clock: TurnedClock, *others: Acme) -> Sealing:
    """Return what a node that starts now presents."""
    folder = home.root.parent
    (folder / "ca.pem").write_bytes(server.ca)
    (folder / "www").mkdir(exist_ok=True)
    acme = Acme(server.directory, str(folder / "ca.pem"), webroot=str(folder / "www"))
    wish = Wish(Role.API, names=(NAME,), own_names=("localhost", NAME), acme=(acme, *others))
    return await certified(home, wish, clock)


@asynccontextmanager
async def running(sealing: Sealing) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(one()) for one in sealing.tasks]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def names(sealing: Sealing) -> tuple[str, ...]:
    assert sealing.context is not None
    return sealing.context.credential.chain.names


async def certified_once(home: Home, server: AcmeServer, clock: TurnedClock) -> None:
    """Let a node run until it has a public certificate; the server is down from then on."""
    sealing = await sealed(home, server, clock)
    async with running(sealing):
        await until(lambda: names(sealing) == (NAME,), within_s=20)
    server.faults["directory"] = list(DOWN)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.create()
    return made


async def test_one_of_our_own_is_presented_until_the_public_one_has_come(
    home: Home, server: AcmeServer, clock: TurnedClock
) -> None:
    sealing = await sealed(home, server, clock)
    assert names(sealing) == ("localhost", NAME)
    assert not server.asked
    async with running(sealing):
        await until(lambda: names(sealing) == (NAME,), within_s=20)
    assert set(sealing.store.entries()) == {"api", LOCAL}
    assert sealing.kept is not None
    assert sealing.kept().names == (NAME,)
    assert server.count("neworder") == 1


async def test_a_server_that_is_down_keeps_no_node_from_starting(
    home: Home, server: AcmeServer, clock: TurnedClock
) -> None:
    server.faults["directory"] = list(DOWN)
    sealing = await sealed(home, server, clock)
    async with running(sealing):
        await until(lambda: server.count("directory") > 0, within_s=20)
        assert names(sealing) == ("localhost", NAME)


async def test_what_stands_in_for_the_public_one_is_renewed_too(
    home: Home, server: AcmeServer, clock: TurnedClock
) -> None:
    server.faults["directory"] = list(DOWN)
    sealing = await sealed(home, server, clock)
    assert sealing.context is not None
    first = sealing.context.credential
    context = sealing.context
    async with running(sealing):
        # by a command in another process, long before it is due
        again = await (await own_renewal(
            home, Role.API, ("localhost", NAME), clock, entry=LOCAL
        )).renew_now()  # fmt: skip
        assert again.chain != first.chain
        await until(lambda: context.credential.chain == again.chain, within_s=20)
    # and by itself, when it is
    clock.advance(timedelta(hours=20))
    async with running(sealing):
        await until(lambda: context.credential.chain.not_after > again.chain.not_after, within_s=20)
    assert names(sealing) == ("localhost", NAME)


async def test_what_was_had_before_is_presented_after_a_restart_without_asking(
    home: Home, server: AcmeServer, clock: TurnedClock
) -> None:
    await certified_once(home, server, clock)
    asked = len(server.asked)
    assert names(await sealed(home, server, clock)) == (NAME,)
    assert len(server.asked) == asked


async def test_what_has_expired_gives_way_to_one_of_our_own(
    home: Home, server: AcmeServer, clock: TurnedClock
) -> None:
    await certified_once(home, server, clock)
    clock.advance(timedelta(days=60))
    assert names(await sealed(home, server, clock)) == ("localhost", NAME)


@pytest.mark.slow
async def test_where_one_server_does_not_issue_the_next_is_asked(
    home: Home, server: AcmeServer, clock: TurnedClock
) -> None:
    server.faults["neworder"] = list(DOWN)
    async with serving(clock) as other:
        folder = home.root.parent
        (folder / "other.pem").write_bytes(other.ca)
        otherwise = Acme(other.directory, str(folder / "other.pem"), webroot=str(folder / "www"))
        sealing = await sealed(home, server, clock, otherwise)
        async with running(sealing):
            await until(lambda: names(sealing) == (NAME,), within_s=30)
    assert other.count("neworder") == 1
