"""What all kinds of node have in common: whom they tell that they are there, and their end."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import structlog

from hermetic.config.home import Home, read_record
from hermetic.config.tree import Note
from hermetic.errors import Unavailable
from hermetic.http.clients import Clients
from hermetic.node.health import Health
from hermetic.node.server import Listening, NodeServer, bind
from hermetic.web.scoring import Scoring
from hermetic.wiring import life
from hermetic.wiring.life import Ready
from tests.support.wire import listen_plainly, wire_node

READY = Ready("https://localhost:1", Path("/ca.pem"), 4711, "Pass-word-1")
DEADLINE_S = 10


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A service manager that waits to be told something."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(DEADLINE_S)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def told(manager: socket.socket) -> list[str]:
    return manager.recv(1000).decode().split("\n")


@pytest.fixture
async def clients() -> Clients[Scoring]:
    async with wire_node() as running:
        return running.clients


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    sockets = bind("127.0.0.1", 0)
    yield sockets
    for one in sockets:
        one.close()


@pytest.fixture
async def server(sockets: list[socket.socket], clients: Clients[Scoring]) -> NodeServer:
    """A server nobody has started."""
    return NodeServer(sockets, listen_plainly, clients)


class Told:
    """A context that remembers whether somebody is in it."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.left = False

    def __call__(self) -> AbstractContextManager[None]:
        return self._within()

    @contextmanager
    def _within(self) -> Iterator[None]:
        self.entered.set()
        try:
            yield
        finally:
            self.left = True


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_who_wants_to_know_is_told_once_it_serves(
    server: NodeServer, manager: socket.socket
) -> None:
    ready = Told()
    serving = asyncio.create_task(life.serve_beside(server, [for_ever], ready))
    await asyncio.wait_for(ready.entered.wait(), DEADLINE_S)
    lines = await asyncio.to_thread(told, manager)
    assert lines == ["READY=1", f"STATUS=Serving on port {server.ports[0]}."]
    assert not ready.left
    server.stop()
    await asyncio.wait_for(serving, DEADLINE_S)
    assert ready.left


async def test_what_fails_beside_it_ends_it_with_the_error_itself(server: NodeServer) -> None:
    ready, fails = Told(), asyncio.Event()

    async def failing() -> None:
        await fails.wait()
        raise Unavailable("The disk is away.")

    serving = asyncio.create_task(life.serve_beside(server, [for_ever, failing], ready))
    await asyncio.wait_for(ready.entered.wait(), DEADLINE_S)
    fails.set()
    with pytest.raises(Unavailable, match="The disk is away"):
        await asyncio.wait_for(serving, DEADLINE_S)
    assert ready.left


async def test_a_server_that_cannot_begin_announces_nothing(
    sockets: list[socket.socket], clients: Clients[Scoring]
) -> None:
    async def refuse(*_: object) -> Listening:
        raise Unavailable("No descriptors are left.")

    ready, server = Told(), NodeServer(sockets, refuse, clients)
    with pytest.raises(Unavailable, match="No descriptors"):
        await asyncio.wait_for(life.serve_beside(server, [for_ever], ready), DEADLINE_S)
    assert not ready.entered.is_set()


@pytest.fixture
async def health() -> AsyncIterator[Health]:
    async def well() -> None:
        """Be well."""

    health = Health({"part": well})
    await health.start()
    await health.check()
    yield health
    await health.stop()


async def test_a_node_that_goes_says_so_and_is_unready(
    health: Health, manager: socket.socket
) -> None:
    assert health.ready
    life.draining(health)
    assert not health.ready
    assert told(manager) == ["STOPPING=1", "STATUS=Finishing what was begun."]


async def test_a_node_that_comes_back_says_since_when_it_is_away(
    health: Health, manager: socket.socket
) -> None:
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    life.draining(health, again=True)
    reloading, moment, _ = told(manager)
    assert (reloading, health.ready) == ("RELOADING=1", False)
    told_at = int(moment.removeprefix("MONOTONIC_USEC=")) / 1e6
    assert before - 0.001 <= told_at <= time.clock_gettime(time.CLOCK_MONOTONIC)


def test_where_it_runs_is_known_while_it_does_and_no_password_with_it(home: Home) -> None:
    seen: list[Ready] = []
    with life.announced(home, READY, seen.append):
        record = read_record(home.running)
        assert record is not None
        assert [record[name] for name in ("url", "ca", "pid")] == [
            "https://localhost:1",
            "/ca.pem",
            4711,
        ]
        assert "Pass-word-1" not in home.running.read_text()
        assert home.running.stat().st_mode & 0o77 == 0
    assert seen == [READY]
    assert not home.running.exists()


def test_where_nobody_can_be_told_nothing_is_left_behind(home: Home) -> None:
    def closed(_: Ready) -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError), life.announced(home, READY, closed):
        raise AssertionError("It must not run unannounced.")
    assert not home.running.exists()


@pytest.mark.parametrize(
    ("host", "sealed", "url"),
    [
        ("", True, "https://localhost:1"),
        ("0.0.0.0", False, "http://localhost:1"),
        ("::", True, "https://localhost:1"),
        ("::1", True, "https://[::1]:1"),
        ("web.example.com", True, "https://web.example.com:1"),
    ],
)
def test_an_address_is_one_that_can_be_reached_from_here(host: str, sealed: bool, url: str) -> None:
    assert life.url_of(host, 1, sealed=sealed) == url


def test_notes_are_told_with_the_setting_they_are_about() -> None:
    with structlog.testing.capture_logs() as lines:
        life.tell_notes([Note("Kestrel.Port", "It changes nothing.", "file x, line 3")])
        life.tell_notes([])
    assert [(line["setting"], line["origin"]) for line in lines] == [
        ("Kestrel.Port", "file x, line 3")
    ]
