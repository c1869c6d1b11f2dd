"""What a hostile client can send, byte by byte; none of it may reach a service."""

import asyncio
from dataclasses import replace

import pytest

from hermetic.http.limits import WireLimits
from tests.support.tokens import signed_with_public_key, signing_key, unsigned
from tests.support.webnode import WebNode
from tests.support.wire import Answered, RawClient, WireNode, call, wire_node

HASTY = WireLimits(
    header_s=0.05, body_window_s=0.05, body_bytes_per_s=100_000, idle_s=0.05, linger_s=0.05
)
PATIENT = replace(HASTY, header_s=1)
"""For tests in which a call has to come through, also where the machine has other work."""


async def refused(node: WireNode, data: bytes, status: int, kind: str) -> Answered:
    """Expect a problem, the end of the connection, and that no service was called."""
    client = await node.connect()
    answer = await client.ask(data)
    assert (answer.status, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert answer.fields["connection"] == "close"
    client.close()
    assert node.execution.calls == []
    return answer


@pytest.mark.parametrize(
    "data",
    [
        b"POST /api/wine/1.0 HTTP/1.1\r\n",
        call()[:-13][:-2],
        b"P",
    ],
)
async def test_a_header_that_does_not_end_is_given_up(data: bytes) -> None:
    async with wire_node(limits=HASTY, period_s=0.01) as node:
        await refused(node, data, 408, "request-timeout")


async def test_a_connection_on_which_nothing_comes_is_closed_without_a_word() -> None:
    async with wire_node(limits=HASTY, period_s=0.01) as node:
        assert await (await node.connect()).ended() == b""


async def test_a_connection_that_rests_after_an_answer_is_closed() -> None:
    async with wire_node(limits=PATIENT, period_s=0.01) as node:
        client = await node.connect()
        assert (await client.ask(call())).status == 200
        assert await client.ended() == b""


@pytest.mark.parametrize("path", [b"/api/wine/1.0", b"/other"])
async def test_a_body_that_trickles_is_given_up(path: bytes) -> None:
    async with wire_node(limits=HASTY, period_s=0.01) as node:
        await refused(node, call(b" " * 99, path=path)[:-50], 408, "request-timeout")


async def test_a_body_that_is_slow_but_fast_enough_is_read() -> None:
    patient = replace(PATIENT, body_bytes_per_s=1)
    async with wire_node(limits=patient, period_s=0.01) as node:
        client, data = await node.connect(), call(b'{"x":1' + b" " * 40 + b"}")
        for at in range(0, len(data), 20):
            await client.send(data[at : at + 20])
        assert (await client.answer()).status == 200


@pytest.mark.slow
async def test_a_call_that_takes_long_is_not_the_clients_delay() -> None:
    async with wire_node(limits=PATIENT, period_s=0.01) as node:
        node.execution.holds = True
        client = await (await node.connect()).send(call())
        await node.execution.arrived.wait()
        resting = await node.connect()
        await resting.ended()
        node.execution.release()
        assert (await client.answer()).status == 200


async def test_an_endless_header_is_cut_off(node: WireNode) -> None:
    client = await node.connect()
    await client.send(b"GET /other HTTP/1.1\r\nHost: n\r\nX: " + b"a" * 400_000)
    assert (await client.answer()).status == 431


async def test_a_long_header_that_ends_is_refused_too(node: WireNode) -> None:
    data = b"GET /other HTTP/1.1\r\nHost: n\r\nX: " + b"a" * 65_536 + b"\r\n\r\n"
    await refused(node, data, 431, "headers-too-large")


async def test_a_header_just_under_the_limit_is_read(node: WireNode) -> None:
    data = b"GET /other HTTP/1.1\r\nHost: n\r\nX: " + b"a" * 65_000 + b"\r\n\r\n"
    assert (await node.ask(data)).status == 200


@pytest.mark.parametrize(("more", "status"), [(96, 200), (97, 431)])
async def test_a_hundred_fields_are_enough(node: WireNode, more: int, status: int) -> None:
    fields = (b"X-%d: 1" % number for number in range(more))
    assert (await node.ask(call(b'{"x":1}', *fields))).status == status


async def test_an_address_that_is_too_long_is_refused(node: WireNode) -> None:
    data = b"GET /%b HTTP/1.1\r\nHost: n\r\n\r\n" % (b"a" * 8192)
    await refused(node, data, 414, "address-too-long")


async def test_two_gigabytes_are_refused_by_their_announcement(node: WireNode) -> None:
    head = call().replace(b"Content-Length: 13", b"Content-Length: 2147483648")
    await refused(node, head[:-13], 413, "body-too-large")


async def test_chunks_without_end_are_cut_off() -> None:
    async with wire_node(limits=WireLimits(call_bytes=100_000)) as node:
        await refused(node, chunked(b"8000\r\n%b\r\n" % (b" " * 0x8000) * 4), 413, "body-too-large")


async def test_framing_without_a_body_is_cut_off(node: WireNode) -> None:
    client = await (await node.connect()).send(chunked(b"1\r\n{\r\n0\r\n"))
    await client.send(b"X: " + b"a" * 300_000)
    assert (await client.answer()).json()["type"] == "/problems/invalid-http"


@pytest.mark.slow
async def test_what_is_sent_after_a_refusal_is_thrown_away(node: WireNode) -> None:
    client = await node.connect()
    await client.send(chunked(b"zz\r\n") + b"x" * 500_000)
    assert (await client.answer()).status == 400
    assert await (await client.send(call())).ended() == b""
    assert node.execution.calls == []


def chunked(chunks: bytes) -> bytes:
    """Return a call whose body is *chunks* as they are."""
    head = call(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    return head + chunks


@pytest.mark.parametrize(
    ("change", "into"),
    [
        (b"Content-Length: 13", b"Content-Length: 13\r\nTransfer-Encoding: chunked"),
        (b"Content-Length: 13", b"Transfer-Encoding: chunked\r\nContent-Length: 13"),
        (b"Content-Length: 13", b"Content-Length: 13\r\nContent-Length: 13"),
        (b"Content-Length: 13", b"Content-Length: 13\r\ncontent-length: 14"),
        (b"Content-Length: 13", b"Content-Length: +13"),
        (b"Content-Length: 13", b"Content-Length: 13, 13"),
        (b"Content-Length: 13", b"Content-Length: -1"),
        (b"Content-Length: 13", b"Content-Length: 99999999999999999999"),
        (b"Content-Length: 13", b"Content-Length : 13"),
        (b"Content-Length: 13", b"Transfer-Encoding: gzip"),
        (b"Content-Length: 13", b"Transfer-Encoding: gzip, chunked"),
        (b"Content-Length: 13", b"Transfer-Encoding: chunked, chunked"),
        (b"Content-Length: 13", b"Transfer-Encoding: xchunked"),
        (b"Content-Length: 13", b"Transfer-Encoding:\x0bchunked"),
        (b"Content-Type:", b"X: a\r\n folded\r\nContent-Type:"),
        (b"Content-Type:", b"X: a\x00b\r\nContent-Type:"),
        (b"Content-Type:", b"X: a\rb\r\nContent-Type:"),
        (b"Content-Type:", b"X\xe9: a\r\nContent-Type:"),
        (b"Content-Type:", b": a\r\nContent-Type:"),
        (b"Host: node", b"Host: node\r\nHost: other"),
        (b"Host: node\r\n", b""),
        (b"HTTP/1.1", b"HTTP/2.0"),
        (b"HTTP/1.1", b"HTTP/1.2"),
        (b"HTTP/1.1", b"HTTQ/1.1"),
        (b"POST", b"PO ST"),
        (b"POST", b"post"),
        (b"/api/wine/1.0", b"/api/wine\x00/1.0"),
        (b"/api/wine/1.0", b"/api/w\xc3\xa9/1.0"),
        (b"/api/wine/1.0", b""),
        (b"\r\nHost", b"\nHost"),
        (b"Authorization:", b"Authorization: Bearer x\r\nAuthorization:"),
        (b"Content-Type:", b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Type:"),
    ],
)
async def test_what_two_parsers_could_read_differently_is_refused(
    node: WireNode, change: bytes, into: bytes
) -> None:
    assert change in call()
    await refused(node, call().replace(change, into, 1), 400, "invalid-http")


async def test_a_tunnel_is_refused(node: WireNode) -> None:
    await refused(node, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid-http")


async def test_chunks_in_http_1_0_are_refused(node: WireNode) -> None:
    data = chunked(b"2\r\n{}\r\n0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")
    await refused(node, data, 400, "invalid-http")


async def test_another_protocol_is_not_offered_but_the_request_is_answered(
    node: WireNode,
) -> None:
    data = b"GET /other HTTP/1.1\r\nHost: n\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    client = await node.connect()
    answer = await client.ask(data)
    assert (answer.status, answer.fields["connection"]) == (200, "close")
    assert await client.ended() == b""


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00" * 64, b"SSH-2.0-x\r\n"]
)
async def test_another_protocol_on_the_port_is_told_so(node: WireNode, data: bytes) -> None:
    await refused(node, data, 400, "invalid-http")


@pytest.mark.slow
async def test_garbage_behind_a_call_is_refused_after_its_answer(node: WireNode) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(call() + b"\x00garbage\r\n\r\n")
    await node.execution.arrived.wait()
    node.execution.release()
    assert (await client.answer()).status == 200
    assert (await client.answer()).status == 400
    assert await client.ended() == b""


async def test_a_flood_of_pipelined_requests_is_refused_in_its_turn(node: WireNode) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(call(b"{}") * 65)
    await node.execution.arrived.wait()
    node.execution.holds = False
    node.execution.release()
    statuses = [(await client.answer()).status for _ in range(65)]
    assert statuses == [200] * 64 + [400]


@pytest.mark.parametrize(
    "path",
    [
        b"/api/wine%2f1.0",
        b"/api%2Fwine/1.0",
        b"/api/..%2fapi/wine/1.0",
        b"/api/wine%5c1.0",
        b"/api/wine/1.0%00",
        b"//api/wine/1.0",
        b"/api//wine/1.0",
        b"/api/./wine/1.0",
        b"/x/../api/wine/1.0",
        b"/api/wine/1.0/",
        b"/API/wine/1.0",
        b"http:///api/wine/1.0",
    ],
)
async def test_no_trick_with_the_path_reaches_a_service(node: WireNode, path: bytes) -> None:
    client = await node.connect()
    await client.ask(call(path=path))
    assert node.execution.calls == []


@pytest.mark.parametrize("offered", [b'a"b', b"a b", b"a" * 129, b"\xe9", b"", b"a;b"])
async def test_an_id_that_could_mislead_a_reader_is_replaced(
    node: WireNode, offered: bytes
) -> None:
    answer = await node.ask(call(b"{}", b"X-Request-Id: " + offered))
    assert answer.fields["x-request-id"].startswith("test-")


async def test_a_line_break_in_an_id_does_not_make_a_field(node: WireNode) -> None:
    answer = await node.ask(call(b"{}", b"X-Request-Id: a\r\nX-Forged: b"))
    assert (answer.fields["x-request-id"], "x-forged" in answer.fields) == ("a", False)
    assert (await node.ask(call(b"{}", b"X-Request-Id: a\nX-Forged: b"))).status == 400


async def test_an_unread_upload_is_not_kept(node: WireNode) -> None:
    client = await node.connect()
    data = call(b" " * 3_000_000, path=b"/unread")
    assert (await client.ask(data)).status == 200
    assert (await client.ask(call())).status == 200


async def test_who_never_reads_answers_is_cut_off() -> None:
    limits = replace(PATIENT, write_idle_s=0.05, idle_s=30, body_bytes_per_s=0)
    async with wire_node(limits=limits, period_s=0.01) as node:
        node.execution.long_answer = b'{"success":true}' + b" " * 30_000_000
        client: RawClient = await (await node.connect()).send(call())
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await unread(client, node)


async def unread(client: RawClient, node: WireNode) -> None:
    """Read nothing until the node gave up, then all there is."""
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    resting = await node.connect()
    while len(node.clients) > 1:
        await resting.ask(b"GET /other HTTP/1.1\r\nHost: n\r\n\r\n")
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]
    await client.answer()


async def test_many_hostile_clients_do_not_delay_an_honest_one(node: WireNode) -> None:
    for _ in range(50):
        await (await node.connect()).send(b"POST /api/wine/1.0 HTTP/1.1\r\nHost: n\r\n")
    assert (await node.ask(call())).status == 200
    assert len(node.clients) == 51


@pytest.mark.parametrize("path", ["/api/add/1.0", "/services", "/metrics", "/sessions", "/nowhere"])
async def test_no_forged_token_comes_in(web: WebNode, path: str) -> None:
    token = web.client.headers["authorization"][7:]
    forged = [
        b"",
        b"x",
        token[:-4].encode() + b"AAAA",
        unsigned(token),
        unsigned(token, "None"),
        signed_with_public_key(token, signing_key().public_key()),
        unsigned(token)[:-1],
        b"." * 8000,
    ]
    for bearer in forged:
        answer = await posted(web, path, bearer)
        assert (answer.status, answer.fields["www-authenticate"][:6]) == (401, "Bearer"), bearer


async def test_the_true_token_comes_in(web: WebNode) -> None:
    token = web.client.headers["authorization"][7:].encode()
    assert (await posted(web, "/nowhere", token)).status == 404


async def posted(web: WebNode, path: str, bearer: bytes) -> Answered:
    """Return the answer to a POST with *bearer* as its token."""
    client = RawClient(*await asyncio.open_connection("127.0.0.1", web.port))
    try:
        return await client.ask(call(path=path.encode(), token=bearer))
    finally:
        client.close()


@pytest.mark.parametrize(
    "path", [b"/services/a%2fb", b"/services/a%5cb", b"/services/%00", b"/sessions/..%2F..%2Fetc"]
)
async def test_an_address_with_hidden_separators_is_refused(web: WebNode, path: bytes) -> None:
    client = RawClient(*await asyncio.open_connection("127.0.0.1", web.port))
    answer = await client.ask(b"GET %b HTTP/1.1\r\nHost: n\r\n\r\n" % path)
    client.close()
    assert (answer.status, answer.json()["type"]) == (400, "/problems/bad-input")


@pytest.mark.parametrize("path", ["/services/", "/login/", "//services", "/livez/"])
async def test_no_address_redirects(web: WebNode, path: str) -> None:
    token = web.client.headers["authorization"][7:].encode()
    assert (await posted(web, path, token)).status in {404, 405}
