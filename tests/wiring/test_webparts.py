"""The use cases of web nodes, put together: one alone, and two that share a database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from hermetic.access.principals import Account, Principal, Role
from hermetic.certificates.roles import Role as CertificateRole
from hermetic.clock import system_clock
from hermetic.config.home import Home
from hermetic.config.web import BackEndConfiguration, Uris, WebSettings
from hermetic.errors import BadInput, Unauthenticated, Unavailable
from hermetic.serving.service import ServiceKey
from hermetic.wire import status
from hermetic.wiring.backend import BackEnd
from hermetic.wiring.company import Identity
from hermetic.wiring.keeping import kept_in
from hermetic.wiring.sealing import unsealed_listener
from hermetic.wiring.trusting import live_trust
from hermetic.wiring.webparts import WebParts, assembled
from tests.support.accounts import PASSWORD, fast_passwords
from tests.support.computenode import compute_node
from tests.support.gateway import coded
from tests.support.tokens import signing_key
from tests.support.waiting import until

OLGA = Principal("olga", Role.OWNER)
WINE = ServiceKey("wine", "1.0")
PEER = "127.0.0.1"
NOWHERE = "http://127.0.0.1:1"


def settings(*values: str, ranges: tuple[str, ...] = ()) -> WebSettings:
    return WebSettings(back_end_configuration=BackEndConfiguration(uris=Uris(values, ranges)))


@asynccontextmanager
async def web(
    home: Home, written: WebSettings | None = None, *, name: str = "web-1", key: int = 0
) -> AsyncIterator[WebParts]:
    """Put a web node together in *home*; several there share a database."""
    trust, _ = await live_trust(home, CertificateRole.COMPUTE, system_clock)
    identity = Identity(f"https://{name}:12800", signing_key(key))
    kept = kept_in(home, 1_000_000, system_clock)
    async with assembled(
        written or settings(), kept, BackEnd(trust), identity, system_clock
    ) as parts:
        yield parts


@pytest.fixture
async def two(home: Home) -> AsyncIterator[tuple[WebParts, WebParts]]:
    async with web(home) as one, web(home, name="web-2") as other:
        running = [asyncio.ensure_future(task()) for task in (*one.tasks, *other.tasks)]
        yield one, other
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def test_everything_is_opened_and_closed_again(home: Home) -> None:
    async with web(home) as parts:
        await parts.kept.probe()
        assert len(parts.tasks) == 2
        await parts.sweep()
    with pytest.raises(Unavailable):
        await parts.kept.probe()
    assert await left_in(home) == []


async def left_in(home: Home) -> list[str]:
    """Return which web nodes still stand in the database of *home*."""
    async with web(home, name="later") as parts:
        rows = await parts.kept.database.read("SELECT url FROM web_nodes")
    return [row["url"] for row in rows if "later" not in row["url"]]


async def test_the_nodes_of_the_settings_are_enrolled(home: Home) -> None:
    written = settings(NOWHERE, ranges=("http://127.0.0.1:3-5",))
    with structlog.testing.capture_logs() as lines:
        async with web(home, written) as parts:
            assert len(parts.farm.nodes) == 4
            assert await parts.farm.enrolment.entries() == [NOWHERE, "http://127.0.0.1:3-5"]
    assert "nodes.none" not in {line["event"] for line in lines}


async def test_a_web_node_without_any_says_what_is_missing(home: Home) -> None:
    with structlog.testing.capture_logs() as lines:
        async with web(home):
            pass
    (line,) = [line for line in lines if line["event"] == "nodes.none"]
    assert (line["log_level"], line["remedy"]) == ("error", "hermetic node add")


async def test_an_entry_that_is_none_keeps_it_from_starting_and_leaves_nothing_open(
    home: Home,
) -> None:
    with pytest.raises(BadInput):
        async with web(home, settings("nonsense")):
            raise AssertionError("It must not start.")
    assert await left_in(home) == []


async def test_it_is_ready_once_a_compute_node_answers(home: Home, tmp_path: Path) -> None:
    async with (
        compute_node(tmp_path / "compute") as node,
        web(home, settings(f"http://127.0.0.1:{node.port}")) as parts,
    ):
        behind = parts.behind(unsealed_listener(home, system_clock))
        await until(parts.farm.nodes.answering)
        for probe in (*behind.probes.values(), *behind.advisory.values()):
            await probe()
        assert {*behind.probes, *behind.advisory} == {"compute", "changes", "database"}
        assert behind.database == ("sqlite", "main")


async def test_while_none_answers_it_is_not(home: Home) -> None:
    async with web(home, settings(NOWHERE)) as parts:
        behind = parts.behind(unsealed_listener(home, system_clock))
        with pytest.raises(Unavailable, match="No compute node answers"):
            await behind.probes["compute"]()


async def test_a_context_that_changes_is_used_by_the_nodes(home: Home) -> None:
    trust, _ = await live_trust(home, CertificateRole.COMPUTE, system_clock)
    backend, kept = BackEnd(trust), kept_in(home, 1_000_000, system_clock)
    identity = Identity("https://web-1", signing_key())
    async with assembled(settings(NOWHERE), kept, backend, identity, system_clock) as parts:
        assert backend.on_change == parts.farm.nodes.renew


async def test_what_one_web_node_publishes_another_serves_as_soon_as_that_is_said(
    two: tuple[WebParts, WebParts], tmp_path: Path
) -> None:
    one, other = two
    async with compute_node(tmp_path / "compute") as node:
        await one.farm.enrolment.add(OLGA, [f"http://127.0.0.1:{node.port}"])
        assert len(other.farm.nodes) == 1
        await until(lambda: one.farm.nodes.answering() and other.farm.nodes.answering())
        await one.offer.publishing.publish(OLGA, "wine", "1.0", coded("answer = 1"))
        answer = await other.offer.publishing.call_late("wine", "1.0", b'{"x":1}', "id")
        assert (answer.error, other.offer.routes.find(WINE.path.encode())) == (None, WINE)
        await other.offer.publishing.delete(OLGA, "wine", "1.0")
        assert one.offer.routes.find(WINE.path.encode()) is None
        for parts in two:
            await parts.farm.nodes.stop()


async def test_who_logs_in_at_one_is_known_at_the_other(two: tuple[WebParts, WebParts]) -> None:
    one, other = two
    passwords = fast_passwords()
    hashed = await passwords.hash(PASSWORD)
    await passwords.close()
    await one.kept.principals.add(Account("admin", Role.OWNER, hashed))
    await one.feed.learn()
    bearer = (await one.offer.access.login("admin", PASSWORD, PEER)).access_token.encode()
    await other.offer.access.settle()
    assert other.offer.access.authenticate(bearer) == Principal("admin", Role.OWNER)
    await other.offer.access.end_logins("admin")
    await one.offer.access.settle()
    with pytest.raises(Unauthenticated):
        one.offer.access.authenticate(bearer)


async def test_a_diagnosis_tells_nodes_that_sign_with_different_keys(home: Home) -> None:
    for key, told in ((0, False), (1, True)):
        async with web(home) as one, web(home, name="web-2", key=key):
            await one.feed.tell()
            codes = {found.code for found in await one.diagnosis.look()}
            assert ("signing.differs" in codes) is told
            assert {"database.fine", "node.none"} <= codes
            assert list(one.diagnosis.peers()) == ["https://web-2:12800"]


async def test_nodes_that_sign_with_different_keys_are_told_in_the_status(home: Home) -> None:
    async with web(home) as one, web(home, name="web-2", key=1):
        behind = one.behind(unsealed_listener(home, system_clock))
        assert behind.providers()["local"].status_code == status.PASS
        await one.feed.tell()
        found = behind.providers()["local"]
        assert found.status_code == status.FAIL
        assert "https://web-2:12800" in str(found.details)
