"""The connections to one compute node, against a real one on loopback."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hermetic.client.link import Broken, Link, Outcome, Reply, Target, request
from hermetic.errors import CertificateRejected
from hermetic.wire.placements import placed
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.computenode import ComputeNode, compute_node
from tests.support.sealed import Sealed, believing, sealed_node
from tests.support.waiting import until
from tests.support.wire import WINE_SERVICE

DIGEST, DOCUMENT = placed(WINE_SERVICE)
PATH = f"/calls/{DIGEST}".encode()
DEADLINE_S = 10


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ComputeNode]:
    async with compute_node(tmp_path) as running:
        await running.placements.place(DIGEST, DOCUMENT)
        yield running


@pytest.fixture
async def link(node: ComputeNode) -> AsyncIterator[Link]:
    link = Link(Target("127.0.0.1", node.port, sealed=False), lambda: None, most=2)
    yield link
    link.close()


def start(link: Link, body: bytes = b'{"x":1}') -> asyncio.Future[Outcome]:
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    link.ask(request(link.target, PATH, body), done.set_result)  # a second end would raise
    return done


async def ask(link: Link, body: bytes = b'{"x":1}') -> Outcome:
    return await asyncio.wait_for(start(link, body), DEADLINE_S)


async def test_a_question_is_answered_with_the_times_of_the_node(link: Link) -> None:
    reply = await ask(link)
    assert isinstance(reply, Reply)
    assert (reply.status, reply.queued_s, reply.executed_s) == (200, 0.001, 0.002)
    assert b'"answer": 1' in reply.body


async def test_one_connection_carries_many_questions(link: Link) -> None:
    for _ in range(10):
        await ask(link)
    assert link.connections == 1


async def test_questions_at_the_same_time_have_connections_of_their_own(
    node: ComputeNode, link: Link
) -> None:
    node.execution.holds = True
    asked = [start(link), start(link)]
    await until(lambda: len(node.execution.held) == 2)
    assert not link.has_room
    node.execution.release()
    node.execution.release()
    assert {type(one) for one in await asyncio.gather(*asked)} == {Reply}
    assert link.has_room


async def test_an_error_of_the_node_is_an_answer(link: Link) -> None:
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    link.ask(request(link.target, b"/calls/none", b"{}"), done.set_result)
    reply = await asyncio.wait_for(done, DEADLINE_S)
    assert isinstance(reply, Reply)
    assert reply.status == 404


async def test_a_node_that_is_not_there_has_not_seen_the_question() -> None:
    link = Link(Target("127.0.0.1", 1, sealed=False), lambda: None)
    broken = await ask(link)
    assert isinstance(broken, Broken)
    assert not broken.sent


async def test_a_question_whose_node_dies_may_have_been_seen(node: ComputeNode, link: Link) -> None:
    node.execution.holds = True
    asked = start(link)
    await node.execution.arrived.wait()
    node.clients.abort()
    broken = await asyncio.wait_for(asked, DEADLINE_S)
    assert isinstance(broken, Broken)
    assert broken.sent


async def test_a_goodbye_closes_idle_connections(node: ComputeNode, link: Link) -> None:
    await ask(link)
    node.clients.drain()
    await until(lambda: link.connections == 0)


async def test_a_question_that_crossed_a_goodbye_is_answered_with_it(
    node: ComputeNode, link: Link
) -> None:
    await ask(link)
    node.clients.drain()
    reply = await ask(link)
    assert isinstance(reply, Reply)
    assert (reply.status, b"draining" in reply.body) == (503, True)
    assert len(node.execution.calls) == 1


async def test_to_give_a_question_up_closes_its_connection(node: ComputeNode, link: Link) -> None:
    await ask(link)
    node.execution.holds = True
    line = link.ask(request(link.target, PATH, b"{}"), lambda outcome: None)
    await until(lambda: len(node.execution.held) == 1)
    line.close()
    await until(lambda: bool(node.execution.abandoned))


async def test_a_closed_link_ends_what_is_under_way(node: ComputeNode, link: Link) -> None:
    node.execution.holds = True
    asked = start(link)
    await node.execution.arrived.wait()
    link.close()
    assert isinstance(await asyncio.wait_for(asked, DEADLINE_S), Broken)


ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n%b"


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[Link]:
    """Yield a link to a node that gives these answers, one for each piece that comes."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left and await reader.read(1000):
            writer.write(left.pop(0))
        writer.close()

    left = list(answers)
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = Link(Target("127.0.0.1", port, sealed=False), lambda: None)
    yield link
    link.close()
    server.close()
    await server.wait_closed()


async def test_an_answer_nobody_asked_for_is_given_to_nobody() -> None:
    first: list[Outcome] = []
    second: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    async with answering(ANSWER % b"one" + ANSWER % b"two", ANSWER % b"new") as link:
        question = request(link.target, PATH, b"{}")

        def go_on(outcome: Outcome) -> None:
            first.append(outcome)
            link.ask(question, second.set_result)

        link.ask(question, go_on)
        assert (await asyncio.wait_for(second, DEADLINE_S)) == Reply(200, b"new", 0.0, 0.0)
    assert first == [Reply(200, b"one", 0.0, 0.0)]


@pytest.mark.parametrize("more", [b"HTTP/1.1 200", b"rubbish\r\n\r\n"])
async def test_what_follows_an_answer_ends_its_connection(more: bytes) -> None:
    async with answering(ANSWER % b"one" + more, ANSWER % b"new") as link:
        assert (await ask(link)) == Reply(200, b"one", 0.0, 0.0)
        await until(lambda: link.connections == 0)


async def test_a_word_before_the_answer_is_none() -> None:
    async with answering(b"HTTP/1.1 102 Processing\r\n\r\n" + ANSWER % b"one") as link:
        assert (await ask(link)) == Reply(200, b"one", 0.0, 0.0)
        assert link.connections == 1


async def test_an_answer_that_says_so_is_the_last_of_its_connection() -> None:
    last = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\none"
    async with answering(last) as link:
        assert (await ask(link)) == Reply(200, b"one", 0.0, 0.0)
        await until(lambda: link.connections == 0)


async def test_times_that_are_none_count_as_nothing() -> None:
    fields = b"x-queued-us: soon\r\nx-executed-us: 1500\r\n"
    async with answering(b"HTTP/1.1 200 OK\r\n%bcontent-length: 0\r\n\r\n" % fields) as link:
        assert (await ask(link)) == Reply(200, b"", 0.0, 0.0015)


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"]
)
async def test_a_node_that_answers_no_http_or_half_of_it_may_have_run_the_call(
    answer: bytes,
) -> None:
    async with answering(answer) as link:
        broken = await ask(link)
    assert isinstance(broken, Broken)
    assert broken.sent


@pytest.fixture
async def sealed(tmp_path: Path, authority: Hierarchy) -> AsyncIterator[Sealed]:
    async with sealed_node(tmp_path, authority) as running:
        await running.node.placements.place(DIGEST, DOCUMENT)
        yield running


@pytest.fixture
def stranger() -> Hierarchy:
    return hierarchy(name="Stranger")


async def test_another_context_holds_for_new_connections_and_old_ones_end_their_calls(
    sealed: Sealed, authority: Hierarchy
) -> None:
    contexts = [believing(authority, authority), believing(authority, authority)]
    link = Link(sealed.target, lambda: contexts[0])
    sealed.node.execution.holds = True
    old = start(link)
    await until(lambda: len(sealed.node.execution.held) == 1)
    contexts.pop(0)
    link.renew()
    sealed.node.execution.holds = False
    assert isinstance(await ask(link), Reply)
    assert link.connections == 2
    sealed.node.execution.release()
    assert isinstance(await asyncio.wait_for(old, DEADLINE_S), Reply)
    await until(lambda: link.connections == 1)
    link.close()


async def test_connections_at_rest_are_closed_when_the_context_changes(
    sealed: Sealed, authority: Hierarchy
) -> None:
    contexts = [believing(authority, authority), believing(authority, authority)]
    link = Link(sealed.target, lambda: contexts[0])
    await ask(link)
    link.renew()
    assert isinstance(await ask(link), Reply)
    assert link.connections == 1
    contexts.pop(0)
    link.renew()
    await until(lambda: link.connections == 0)
    link.close()


async def test_a_node_that_is_not_trusted_has_not_seen_the_question(
    sealed: Sealed, authority: Hierarchy, stranger: Hierarchy
) -> None:
    link = Link(sealed.target, lambda: believing(stranger, authority))
    broken = await ask(link)
    assert isinstance(broken, Broken)
    assert (broken.sent, "its certificate is not accepted" in broken.reason) == (False, True)


@pytest.mark.parametrize("shows", [False, True])
async def test_a_node_that_refuses_our_certificate_has_not_seen_the_question(
    sealed: Sealed, authority: Hierarchy, stranger: Hierarchy, shows: bool
) -> None:
    link = Link(sealed.target, lambda: believing(authority, stranger if shows else None))
    broken = await ask(link)
    assert isinstance(broken, Broken)
    assert (broken.sent, "does not accept our certificate" in broken.reason) == (False, True)
    assert sealed.node.execution.calls == []


class Judging:
    """A door that takes note of who comes and goes, and lets nobody in unless it is told to."""

    def __init__(self, *, admits: bool) -> None:
        self.admits, self.inside = admits, 0

    def admit(self, transport: asyncio.BaseTransport) -> object:
        self.inside += 1
        if not self.admits:
            raise CertificateRejected("revoked", "It was revoked.")
        return transport

    def left(self, transport: asyncio.BaseTransport) -> None:
        self.inside -= 1


@pytest.mark.parametrize(("admits", "outcome"), [(True, Reply), (False, Broken)])
async def test_a_door_looks_at_who_answers(
    sealed: Sealed, authority: Hierarchy, admits: bool, outcome: type[Outcome]
) -> None:
    context, door = believing(authority, authority), Judging(admits=admits)
    link = Link(sealed.target, lambda: context, door=door)
    assert isinstance(await ask(link), outcome)
    assert door.inside == link.connections == admits
    assert len(sealed.node.execution.calls) == admits
    link.close()
    await until(lambda: door.inside == 0)


async def test_a_door_is_asked_of_sealed_connections_only(node: ComputeNode) -> None:
    door = Judging(admits=False)
    link = Link(Target("127.0.0.1", node.port, sealed=False), lambda: None, door=door)
    assert isinstance(await ask(link), Reply)
    link.close()


async def test_a_node_that_does_not_shake_hands_is_given_up() -> None:
    context = ssl.create_default_context()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target("127.0.0.1", silent.getsockname()[1])
        broken = await ask(Link(target, lambda: context, connect_s=0.05))
    assert broken == Broken(False, "no connection within 0.05 s")


async def test_what_cannot_be_sent_yet_is_given_up_as_soon_as_it_could(node: ComputeNode) -> None:
    link = Link(Target("127.0.0.1", node.port, sealed=False), lambda: None)
    done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    link.ask(request(link.target, PATH, b"{}"), done.set_result).close()
    assert await asyncio.wait_for(done, DEADLINE_S) == Broken(False, "it closed the connection")
    assert node.execution.calls == []


async def test_what_has_not_begun_to_connect_ends_with_the_link(link: Link) -> None:
    asked = start(link)
    link.close()
    assert await asyncio.wait_for(asked, DEADLINE_S) == Broken(False, "the link was closed")
    assert link.has_room
