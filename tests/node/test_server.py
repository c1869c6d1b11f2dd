"""A node's server: its sockets, its start and its end."""

import asyncio
import errno
import os
import signal
import socket
from contextlib import suppress

import pytest

from hermetic.errors import BadConfiguration, HermeticError, NotPermitted, Unavailable
from hermetic.node.server import NodeServer, bind
from tests.support.wire import DEADLINE_S, RawClient, WireNode, call, listen_plainly, wire_node


@pytest.fixture
def taken() -> socket.socket:
    """Return a socket that has a port of 127.0.0.1."""
    (listener,) = bind("127.0.0.1", 0)
    return listener


def test_a_port_that_is_taken_is_told_before_anything_starts(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match=rf"Port {port} on 127.0.0.1 is taken") as caught:
        bind("127.0.0.1", port)
    assert caught.value.exit_code == 69
    taken.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_here_is_told(host: str) -> None:
    with pytest.raises(BadConfiguration, match=host):
        bind(host, 0)


def test_all_addresses_of_a_host_get_one_port() -> None:
    sockets = bind("localhost", 0)
    assert len({one.getsockname()[1] for one in sockets}) == 1
    assert all(one.getsockname()[0] in {"127.0.0.1", "::1"} for one in sockets)
    for one in sockets:
        one.close()


def test_no_host_is_every_address_of_every_family_with_one_port() -> None:
    sockets = bind("", 0)
    (port,) = {one.getsockname()[1] for one in sockets}
    assert {one.getsockname()[0] for one in sockets} <= {"0.0.0.0", "::"}
    assert len({one.family for one in sockets}) == len(sockets)
    for address in ("127.0.0.1", "127.9.9.9"):
        socket.create_connection((address, port)).close()
    for one in sockets:
        one.close()


def test_a_port_that_is_taken_on_one_address_is_none_for_all(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with pytest.raises(Unavailable, match=f"Port {port} on every address is taken"):
        bind("", port)
    taken.close()
    for one in bind("", port):
        one.close()


def test_a_machine_without_a_family_listens_on_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "AF_INET6", 4711)  # as a kernel without IPv6 says: no such family
    found = [(family, 1, 6, "", (host, 0)) for family, host in ((4711, "::"), (2, "0.0.0.0"))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    (one,) = bind("", 0)
    assert one.getsockname()[0] == "0.0.0.0"
    one.close()
    with pytest.raises(BadConfiguration, match="cannot listen on localhost"):
        bind("localhost", 0)


def test_a_port_that_needs_a_privilege_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(NotPermitted, match="Choose one above 1023"):
        bind("127.0.0.1", 443)


def test_a_failed_start_leaves_no_port_taken(taken: socket.socket) -> None:
    port = taken.getsockname()[1]
    with pytest.raises(HermeticError):
        bind("localhost", port)
    taken.close()
    for one in bind("localhost", port):
        one.close()


async def test_a_call_in_flight_is_finished_when_it_stops() -> None:
    async with wire_node() as node:
        client = await in_flight(node)
        node.server.stop()
        with pytest.raises(ConnectionRefusedError):
            await refused(node)
        node.execution.release()
        assert (await client.answer()).status == 200
        assert await client.ended() == b""


@pytest.mark.slow
async def test_a_call_that_outlasts_the_grace_is_cut_off() -> None:
    async with wire_node() as node:
        client = await in_flight(node)
        node.server.stop()
        assert await client.ended() == b""


async def test_during_the_notice_connections_are_still_taken() -> None:
    async with wire_node(notice_s=60.0) as node:
        node.server.stop()
        assert (await node.ask(call())).status == 200
        node.server.stop()  # a second word ends the notice, too
        await node.ended()


async def test_a_second_word_cuts_off_at_once() -> None:
    async with wire_node() as node:
        client = await in_flight(node)
        node.server.stop()
        node.server.stop()
        assert await client.ended() == b""


async def test_it_tells_whether_it_is_to_be_started_again() -> None:
    for again in (True, False):
        async with wire_node() as node:
            assert not node.server.again
            node.server.stop(again=again)
            assert await node.ended()
            assert node.server.again == again


async def test_to_be_started_again_cuts_nothing_off_however_often_it_is_asked() -> None:
    async with wire_node() as node:
        client = await in_flight(node)
        node.server.stop(again=True)
        node.server.stop()
        assert not node.server.again
        node.execution.release()
        assert (await client.answer()).status == 200
        assert await node.ended()


async def test_it_tells_that_every_call_ended() -> None:
    async with wire_node() as node:
        client = await in_flight(node)
        node.execution.release()
        await client.answer()
        node.server.stop()
        assert await node.ended()


async def test_it_tells_that_a_call_was_cut_off() -> None:
    async with wire_node() as node:
        await in_flight(node)
        node.server.stop()
        node.server.stop()
        assert not await node.ended()


async def test_a_signal_stops_it(node: NodeServer) -> None:
    serving = asyncio.create_task(node.serve_until_signal())
    await node.started.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(DEADLINE_S):
        assert await serving


async def in_flight(node: WireNode) -> RawClient:
    """Return a client whose call has arrived and is not answered."""
    node.execution.holds = True
    client = await (await node.connect()).send(call())
    await node.execution.arrived.wait()
    return client


async def refused(node: WireNode) -> None:
    """Connect until that is refused; one that still waits to be accepted is reset."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            with suppress(ConnectionResetError):
                (await node.connect()).close()


@pytest.fixture
async def node() -> NodeServer:
    """Return a server nobody has started."""
    async with wire_node() as running:
        clients = running.clients
    return NodeServer(bind("127.0.0.1", 0), listen_plainly, clients)
