"""Calls as web nodes send them."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from hermetic.certificates.authorisation import Allowed
from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.errors import CertificateRejected
from hermetic.node.listener import Listener
from hermetic.tls.reload import SwappingContext
from hermetic.tls.trust import LiveTrust
from hermetic.wire.placements import placed
from tests.support.authorities import Folders
from tests.support.callers import Cast
from tests.support.certificates import hierarchy
from tests.support.computenode import ComputeNode, compute_node
from tests.support.mutual import context_of
from tests.support.waiting import until
from tests.support.wire import WINE_SERVICE, Answered, RawClient

DIGEST, DOCUMENT = placed(WINE_SERVICE)


class ClosedDoor:
    """Lets nobody in."""

    def admit(self, transport: asyncio.BaseTransport) -> object:
        raise CertificateRejected("wrong-subject", "Its subject is another.")

    def left(self, transport: asyncio.BaseTransport) -> None: ...


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ComputeNode]:
    async with compute_node(tmp_path) as running:
        await running.placements.place(DIGEST, DOCUMENT)
        yield running


def asked(body: bytes = b'{"x":1,"y":2}', *fields: bytes, digest: str = DIGEST) -> bytes:
    lines = b"".join(one + b"\r\n" for one in fields)
    return b"POST /calls/%b HTTP/1.1\r\nHost: n\r\nContent-Length: %d\r\n%b\r\n%b" % (
        digest.encode(),
        len(body),
        lines,
        body,
    )


async def ask(node: ComputeNode, data: bytes) -> tuple[RawClient, Answered]:
    client = await node.connect()
    return client, await client.ask(data)


async def test_a_call_is_answered_with_its_times(node: ComputeNode) -> None:
    client, answer = await ask(node, asked())
    assert answer.status == 200
    assert answer.json()["outputParameters"] == {"answer": 3}
    assert (answer.fields["x-queued-us"], answer.fields["x-executed-us"]) == ("1000", "2000")
    client.close()


async def test_a_call_of_what_was_not_placed_says_so(node: ComputeNode) -> None:
    client, answer = await ask(node, asked(digest="0" * 64))
    assert (answer.status, answer.json()["type"]) == (404, "/problems/not-placed")
    client.close()


async def test_the_request_id_of_the_web_node_is_kept(node: ComputeNode) -> None:
    client, answer = await ask(node, asked(b"{}", b"X-Request-Id: web-17"))
    assert answer.fields["x-request-id"] == "web-17"
    client.close()


@pytest.mark.parametrize(("sent", "within"), [(b"1500", 1.5), (b"-3", 0.0), (b"soon", 0.0)])
async def test_the_deadline_of_the_web_node_is_kept(
    node: ComputeNode, sent: bytes, within: float
) -> None:
    client, _ = await ask(node, asked(b"{}", b"X-Within-Ms: " + sent))
    assert node.execution.within_s == within
    client.close()


async def test_a_call_whose_web_node_went_away_is_abandoned(node: ComputeNode) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(asked())
    await node.execution.arrived.wait()
    client.close()
    await until(lambda: bool(node.execution.abandoned))
    assert node.execution.abandoned == [1]


async def test_an_idle_connection_is_told_that_the_node_stops(node: ComputeNode) -> None:
    client, _ = await ask(node, asked())
    node.clients.drain()
    answer = await client.answer()
    assert (answer.status, answer.json()["type"]) == (503, "/problems/draining")
    assert answer.fields["connection"] == "close"
    client.close()


async def test_a_question_that_crossed_the_goodbye_was_not_begun(node: ComputeNode) -> None:
    client, _ = await ask(node, asked())
    node.clients.drain()
    await client.send(asked())
    answer = await client.answer()
    assert answer.json()["type"] == "/problems/draining"
    assert len(node.execution.calls) == 1
    client.close()


async def test_a_call_under_way_is_finished_while_the_node_stops(node: ComputeNode) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(asked())
    await node.execution.arrived.wait()
    node.clients.drain()
    node.execution.release()
    answer = await client.answer()
    assert (answer.status, answer.fields["connection"]) == (200, "close")
    assert await client.ended() == b""
    client.close()


async def test_who_may_not_come_in_is_told_why_and_is_not_heard(tmp_path: Path) -> None:
    async with compute_node(tmp_path, door=ClosedDoor()) as closed:
        await closed.placements.place(DIGEST, DOCUMENT)
        client, answer = await ask(closed, asked())
        assert (answer.status, answer.json()["type"]) == (403, "/problems/not-permitted")
        assert "Its subject is another." in str(answer.json()["detail"])
        assert closed.execution.calls == []
        client.close()


async def test_through_mutual_tls_who_is_meant_is_served_until_they_are_not(
    tmp_path: Path,
) -> None:
    cast, servers = Cast(system_clock()), hierarchy()
    source = Folders(tmp_path / "trust")
    source.trust(cast.root)
    meant = Allowed.parse(issuers=["CN=Contoso Root"], subjects=["CN=web-1,O=Contoso"])
    live = LiveTrust(source, role=Role.AUTHENTICATION, clock=system_clock, allowed=meant)
    context = SwappingContext(
        servers.issue(), clock=system_clock, client_roots=live.authorities_pem
    )
    live.admit_through(context)

    async def listen(
        sockets: Sequence[socket.socket], connect: Callable[[], asyncio.Protocol]
    ) -> Listener:
        return await Listener.start(sockets, connect, context.base)

    async with compute_node(tmp_path, door=live.peers, listen=listen) as node:
        await node.placements.place(DIGEST, DOCUMENT)
        web_1, web_2 = [
            RawClient(
                *await asyncio.open_connection(
                    "127.0.0.1",
                    node.port,
                    ssl=context_of(cast.identity(who), servers.root_pem),
                    server_hostname="localhost",
                )
            )
            for who in ("web-1", "web-2")
        ]
        refused = await web_2.answer()
        assert (refused.status, refused.fields["connection"]) == (403, "close")
        assert "'CN=web-2,O=Contoso' is not of a subject that is let in" in str(refused.json())
        assert (await web_1.ask(asked())).status == 200
        live.allow(Allowed.parse(subjects=["CN=web-2,O=Contoso"]))
        assert await web_1.ended() == b""
        assert len(node.execution.calls) == 1
        for client in (web_1, web_2):
            client.close()
