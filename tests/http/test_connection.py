"""One connection: what holds for every request, whoever answers it."""

import pytest
import structlog

from tests.support.wire import WireNode, call, wire_node

OTHER = b"GET /other HTTP/1.1\r\nHost: n\r\n\r\n"


async def test_asgi_sees_the_request_unchanged(node: WireNode) -> None:
    told = (await node.ask(call(b"abc", b"X-Two: 1", path=b"/a%20b?c=d"))).json()
    assert (told["method"], told["path"], told["bytes"]) == ("POST", "/a b", 3)
    assert told["fields"] == [
        "host", "authorization", "content-type", "content-length", "x-two",
    ]  # fmt: skip


async def test_asgi_is_told_the_id_of_the_request(node: WireNode) -> None:
    told = (await node.ask(OTHER.replace(b"\r\n\r\n", b"\r\nX-Request-Id: mine\r\n\r\n"))).json()
    assert told["request_id"] == "mine"


async def test_a_field_that_comes_twice_reaches_asgi_twice(node: WireNode) -> None:
    told = (
        await node.ask(OTHER.replace(b"\r\n\r\n", b"\r\nAccept: a\r\nAccept: b\r\n\r\n"))
    ).json()
    assert told["fields"] == ["host", "accept", "accept"]


async def test_trailers_do_not_become_fields(node: WireNode) -> None:
    head = b"POST /other HTTP/1.1\r\nHost: n\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = await (await node.connect()).send(head + b"1\r\nx\r\n")
    told = (await client.ask(b"0\r\nX-Late: 1\r\n\r\n")).json()
    assert told["fields"] == ["host", "transfer-encoding"]


async def test_asgi_is_asked_to_continue(node: WireNode) -> None:
    head = call(b"abc", b"Expect: 100-continue", path=b"/other")[:-3]
    client = await node.connect()
    assert (await client.ask(head)).status == 100
    assert (await client.ask(b"abc")).json()["bytes"] == 3


async def test_a_body_that_was_not_asked_for_cannot_become_a_request(node: WireNode) -> None:
    head = call(b"abc", b"Expect: 100-continue", path=b"/unread")[:-3]
    client = await node.connect()
    answer = await client.ask(head)
    assert (answer.status, answer.fields["connection"]) == (200, "close")
    assert await client.ended() == b""


async def test_a_large_body_reaches_asgi_whole(node: WireNode) -> None:
    assert (await node.ask(call(b" " * 5_000_000, path=b"/other"))).json()["bytes"] == 5_000_000


async def test_pipelined_requests_of_asgi_are_answered_in_order(node: WireNode) -> None:
    client = await node.connect()
    await client.send(b"".join(OTHER.replace(b"other", b"%d" % number) for number in range(20)))
    paths = [(await client.answer()).json()["path"] for _ in range(20)]
    assert paths == [f"/{number}" for number in range(20)]


async def test_a_request_of_asgi_in_http_1_0_is_answered_and_closed(node: WireNode) -> None:
    client = await node.connect()
    answer = await client.ask(b"GET /other HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.fields["connection"]) == (200, "close")
    assert await client.ended() == b""


async def test_empty_lines_before_a_request_are_ignored(node: WireNode) -> None:
    assert (await node.ask(b"\r\n\r\n" + OTHER)).status == 200


@pytest.mark.parametrize(("hsts", "expected"), [(None, None), (b"max-age=9", "max-age=9")])
async def test_strict_transport_security_is_for_tls_only(
    hsts: bytes | None, expected: str | None
) -> None:
    async with wire_node(hsts=hsts) as node:
        for data in (call(), call(token=b"bad"), b"\x00"):
            answer = await node.ask(data)
            assert answer.fields.get("strict-transport-security") == expected


async def test_a_refusal_has_an_id_even_without_a_header(node: WireNode) -> None:
    answer = await node.ask(b"\x00\x00")
    assert answer.json()["instance"] == f"urn:hermetic:request:{answer.fields['x-request-id']}"


async def test_what_was_sent_is_not_in_the_answer_to_it(node: WireNode) -> None:
    answer = await node.ask(b"GET / HTTP/1.1\r\nHost: n\r\nsecret<script>: 1\r\n\r\n")
    assert b"script" not in answer.body


async def test_a_fault_of_ours_is_logged_and_ends_only_its_own_connection(node: WireNode) -> None:
    node.execution.failure = ZeroDivisionError()  # type: ignore[assignment]  # no error of ours
    client = await node.connect()
    with structlog.testing.capture_logs() as lines:
        await client.send(call())
        assert await client.ended() == b""
    assert [one["event"] for one in lines] == ["connection.broke"]
    node.execution.failure = None
    assert (await node.ask(call())).status == 200
