"""Questions of a web node to one compute node, over real connections."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hermetic.client.asking import Asker
from hermetic.client.content import whole
from hermetic.client.link import Target
from hermetic.errors import (
    DeadlineExceeded,
    HermeticError,
    NotPlaced,
    TrustFailure,
    Unavailable,
    Unreachable,
)
from hermetic.serving.bundle import Shelf
from hermetic.serving.service import RuntimeKind
from tests.support.archives import in_pieces
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.hosting import PlayedSessions
from tests.support.sealed import Sealed, believing, sealed_node
from tests.support.waiting import until

DEADLINE_S = 10
ID = "11111111-1111-4111-8111-111111111111"
LARGE = b"x" * 3_000_000
PATH = f"/sessions/{ID}/files/large"


@pytest.fixture(scope="module")
def stranger() -> Hierarchy:
    return hierarchy(name="Stranger")


@pytest.fixture
async def sessions() -> PlayedSessions:
    played = PlayedSessions()
    await played.open(ID, RuntimeKind.PYTHON)
    await played.write(ID, Shelf.FILES, "large", in_pieces(LARGE))
    return played


@pytest.fixture
async def sealed(
    tmp_path: Path, authority: Hierarchy, sessions: PlayedSessions
) -> AsyncIterator[Sealed]:
    async with sealed_node(tmp_path, authority, sessions=sessions) as running:
        yield running


class Asking:
    """An asker, and the context that it is given."""

    def __init__(self, target: Target, context: ssl.SSLContext | None) -> None:
        self.context = context
        self.asker = Asker(target, lambda: self.context)


@pytest.fixture
async def asking(sealed: Sealed, authority: Hierarchy) -> AsyncIterator[Asking]:
    asking = Asking(sealed.target, believing(authority, authority))
    yield asking
    await asking.asker.close()


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[Asker]:
    """Yield one who asks a node that gives these answers one after the other, and then none."""
    left = list(answers)
    closed = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if left:
            writer.write(left.pop(0))
            writer.close()
        else:
            await closed.wait()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asker = Asker(Target("127.0.0.1", port, sealed=False), lambda: None)
    try:
        yield asker
    finally:
        closed.set()
        await asker.close()
        server.close()
        await server.wait_closed()


async def test_what_is_asked_is_answered_over_one_connection(
    sealed: Sealed, asking: Asking
) -> None:
    for _ in range(3):
        assert b"pass" in await asking.asker.ask("GET", "/status")
    assert sealed.open == 1


async def test_what_the_node_raises_is_raised(asking: Asking) -> None:
    with pytest.raises(NotPlaced):
        await asking.asker.ask("POST", "/calls/none", content=b"{}")
    with pytest.raises(NotPlaced):
        await asking.asker.ask("POST", "/calls/none", content=in_pieces(b"{}", 1), size=2)


async def test_another_context_is_used_by_questions_from_now_on(
    sealed: Sealed, asking: Asking, authority: Hierarchy, stranger: Hierarchy
) -> None:
    await asking.asker.ask("GET", "/status")
    asking.context = believing(stranger, authority)
    with pytest.raises(TrustFailure, match="is not accepted"):
        await asking.asker.ask("GET", "/status")
    asking.context = believing(authority, authority)
    assert await asking.asker.ask("GET", "/status")
    await until(lambda: sealed.open == 1)


async def test_what_runs_when_the_context_changes_ends_on_its_old_connection(
    sealed: Sealed, asking: Asking, authority: Hierarchy
) -> None:
    running = await asking.asker.stream(PATH)
    asking.context = believing(authority, authority)
    assert await asking.asker.ask("GET", "/status")
    assert sealed.open == 2
    assert await whole(running.content.pieces, most=len(LARGE)) == LARGE
    await running.content.close()
    await until(lambda: sealed.open == 1)


async def test_many_changes_of_the_context_at_once_break_no_question(
    sealed: Sealed, asking: Asking, authority: Hierarchy
) -> None:
    contexts = [believing(authority, authority) for _ in range(4)]
    await asking.asker.ask("GET", "/status")  # a connection at rest takes a while to close

    async def ask(number: int) -> bytes:
        asking.context = contexts[number % 4]
        return await asking.asker.ask("GET", "/status")

    answers = await asyncio.gather(*(ask(number) for number in range(20)))
    assert all(b"pass" in one for one in answers)
    await until(lambda: sealed.open <= 20)


async def test_a_node_of_another_authority_is_not_trusted(
    sealed: Sealed, authority: Hierarchy, stranger: Hierarchy
) -> None:
    asker = Asking(sealed.target, believing(stranger, authority)).asker
    with pytest.raises(TrustFailure, match=r"certificate of the compute node 127.* not accepted"):
        await asker.ask("GET", "/status")
    await asker.close()


@pytest.mark.parametrize("shows", [False, True])
async def test_a_node_that_does_not_take_our_certificate_is_told_apart_from_one_that_is_gone(
    sealed: Sealed, authority: Hierarchy, stranger: Hierarchy, shows: bool
) -> None:
    asker = Asking(sealed.target, believing(authority, stranger if shows else None)).asker
    with pytest.raises(TrustFailure, match="does not trust the certificate that we show"):
        await asker.ask("GET", "/status")
    await asker.close()


async def test_who_is_turned_away_is_the_web_node_and_not_its_caller() -> None:
    body = b'{"type":"/problems/not-permitted","detail":"Your subject is none of those."}'
    answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    async with answering(answer, answer) as asker:
        with pytest.raises(TrustFailure, match=r"turns us away: Your subject"):
            await asker.ask("GET", "/status")
        with pytest.raises(TrustFailure, match=r"turns us away: Your subject"):
            await asker.stream("/sessions/x/archive")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", Unreachable),
        (b"", Unreachable),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort", Unreachable),
        (
            b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\njunk",
            Unreachable,
        ),
        (b"HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\njunk", Unavailable),
    ],
)
async def test_whatever_a_node_answers_becomes_an_error_of_ours(
    answer: bytes, kind: type[HermeticError]
) -> None:
    async with answering(answer) as asker:
        with pytest.raises(kind):
            await asker.ask("GET", "/status")


async def test_a_node_that_does_not_answer_in_time_is_late_and_says_what_was_asked() -> None:
    async with answering() as asker:
        with pytest.raises(DeadlineExceeded, match=r"did not answer GET /status in time"):
            await asker.ask("GET", "/status", within_s=0.05)


async def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort") as asker:
        streamed = await asker.stream("/sessions/x/archive")
        assert streamed.content.size == 9
        with pytest.raises(Unreachable, match="broke off"):
            await whole(streamed.content.pieces, most=9)
        await streamed.content.close()


async def test_a_content_that_is_closed_unread_frees_its_connection(
    sealed: Sealed, asking: Asking, authority: Hierarchy
) -> None:
    streamed = await asking.asker.stream(PATH)
    await streamed.content.close()
    asking.context = believing(authority, authority)
    await asking.asker.ask("GET", "/status")
    await until(lambda: sealed.open == 1)


async def test_closing_ends_what_runs_and_a_later_question_connects_anew(
    sealed: Sealed, asking: Asking
) -> None:
    running = await asking.asker.stream(PATH)
    await asking.asker.close()
    with pytest.raises(Unreachable):
        await whole(running.content.pieces, most=len(LARGE))
    await running.content.close()
    assert await asking.asker.ask("GET", "/status")


async def test_nobody_there_is_unreachable() -> None:
    asker = Asker(Target("127.0.0.1", 1, sealed=False), lambda: None)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 does not answer"):
        await asker.ask("GET", "/status")
    await asker.close()
