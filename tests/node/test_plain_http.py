"""The answer to plain HTTP: right for every way of asking, and never longer than its patience."""

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hermetic.node.plain_http import Asked, answer, begins_http


@dataclass(frozen=True)
class Ends:
    """A connection: our end, which does not block, and theirs."""

    ours: socket.socket
    theirs: socket.socket

    async def answered(self, request: bytes) -> tuple[Asked | None, bytes]:
        """Send *request*, and return what was understood and what came back."""
        self.theirs.sendall(request)
        self.theirs.shutdown(socket.SHUT_WR)
        asked = await answer(self.ours, patience_s=5)
        return asked, self.theirs.makefile("rb").read()


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield Ends(ours, theirs)


@pytest.mark.parametrize("first", [b"G", b"g", b"POST / HTTP/1.1", b"PRI * HTTP/2.0"])
def test_a_letter_may_begin_a_request(first: bytes) -> None:
    assert begins_http(first)


@pytest.mark.parametrize("first", [b"", b"\x16\x03", b"\x80", b"\x00", b" "])
def test_nothing_else_does(first: bytes) -> None:
    assert not begins_http(first)


@pytest.mark.parametrize(
    ("target", "url"),
    [
        (b"/a/b?c=d%20e", "https://box.test:12800/a/b?c=d%20e"),
        (b"http://other.test/a", "https://box.test:12800/"),
        (b"*", "https://box.test:12800/"),
    ],
)
async def test_the_answer_names_where_it_is_found_through_tls(
    ends: Ends, target: bytes, url: str
) -> None:
    asked, told = await ends.answered(
        b"GET " + target + b" HTTP/1.1\r\nAccept: */*\r\nHost: box.test:12800\r\n\r\n"
    )
    assert asked == Asked("GET", url)
    head, _, body = told.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head.split(b"\r\n")
    assert f"use {url} instead" in json.loads(body)["detail"]


async def test_the_request_id_is_in_the_head_and_in_the_body(ends: Ends) -> None:
    _, told = await ends.answered(b"GET / HTTP/1.1\r\n\r\n")
    head, _, body = told.partition(b"\r\n\r\n")
    request_id = head.split(b"x-request-id: ")[1].split(b"\r\n")[0].decode()
    assert json.loads(body)["instance"].endswith(request_id)


@pytest.mark.parametrize("nonsense", [b"hello\r\n\r\n", b"GET\r\n\r\n", b"G" * 4000, b""])
async def test_what_is_no_request_gets_no_answer(ends: Ends, nonsense: bytes) -> None:
    asked, told = await ends.answered(nonsense)
    assert (asked, told) == (None, b"")


async def test_a_head_that_never_ends_is_answered_when_patience_does(ends: Ends) -> None:
    ends.theirs.sendall(b"GET / HTTP/1.1\r\nX: ")
    asked = await asyncio.wait_for(answer(ends.ours, patience_s=0.05), 5)
    assert asked == Asked("GET", "https://localhost/")
    assert ends.theirs.recv(12) == b"HTTP/1.1 400"


async def test_who_reads_nothing_is_not_waited_for(ends: Ends) -> None:
    ends.theirs.sendall(b"GET / HTTP/1.1\r\n\r\n")
    await asyncio.wait_for(answer(ends.ours, patience_s=0.05), 5)
    assert ends.ours.fileno() == -1


async def test_who_has_gone_is_not_an_error(ends: Ends) -> None:
    ends.theirs.sendall(b"GET / HTTP/1.1\r\n\r\n")
    ends.theirs.close()
    assert await answer(ends.ours, patience_s=5) is not None
