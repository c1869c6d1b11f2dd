"""Calls answered on the connection: exactly HTTP, and in order."""

import json

import pytest

from hermetic.errors import Busy, HermeticError, Unauthenticated, WorkerDied
from hermetic.http.gate import MISSING
from hermetic.http.limits import WireLimits
from hermetic.serving.service import ServiceKey
from tests.support.elsewhere import THEIRS, Elsewhere
from tests.support.waiting import until
from tests.support.wire import WINE, RawClient, WireNode, call, echo, wire_node


async def test_a_call_is_answered_with_what_the_execution_said(node: WireNode) -> None:
    answer = await node.ask(call())
    assert answer.status == 200
    assert answer.json()["outputParameters"] == {"answer": 3}


async def test_an_answer_names_its_type_length_date_and_request(node: WireNode) -> None:
    fields = (await node.ask(call())).fields
    assert fields["content-type"] == "application/json"
    assert fields["x-request-id"].startswith("test-")
    assert fields["date"].endswith("GMT")
    assert "strict-transport-security" not in fields


async def test_the_body_reaches_the_execution_unchanged(node: WireNode) -> None:
    await node.ask(call(b' {"x" : 1e0}\n'))
    assert node.execution.calls[0][1] == b' {"x" : 1e0}\n'


async def test_a_connection_carries_many_calls(node: WireNode) -> None:
    client = await node.connect()
    answers = [await client.ask(call(b'{"x":%d}' % number)) for number in range(20)]
    assert [one.json()["outputParameters"] for one in answers] == [
        {"answer": number} for number in range(20)
    ]


async def test_pipelined_calls_are_answered_in_order(node: WireNode) -> None:
    client = await node.connect()
    await client.send(b"".join(call(b'{"x":%d}' % number) for number in range(10)))
    numbers = [(await client.answer()).json()["outputParameters"] for _ in range(10)]
    assert numbers == [{"answer": number} for number in range(10)]


async def test_calls_and_other_requests_in_one_pipeline_keep_their_order(node: WireNode) -> None:
    other = b"GET /other HTTP/1.1\r\nHost: node\r\n\r\n"
    client = await (await node.connect()).send(other + call() + other + call())
    paths = [(await client.answer()).json().get("path", "call") for _ in range(4)]
    assert paths == ["/other", "call", "/other", "call"]


async def test_a_request_behind_a_slow_call_waits_for_it(node: WireNode) -> None:
    node.execution.holds = True
    client = await node.connect()
    await client.send(call() + b"GET /other HTTP/1.1\r\nHost: node\r\n\r\n")
    await node.execution.arrived.wait()
    node.execution.release()
    first, second = await client.answer(), await client.answer()
    assert "outputParameters" in first.json()
    assert second.json()["path"] == "/other"


async def test_the_second_pipelined_call_is_not_run_before_the_first_answer(
    node: WireNode,
) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(call() + call(b'{"x":9}'))
    await node.execution.arrived.wait()
    assert len(node.execution.calls) == 1
    node.execution.release()
    await client.answer()
    assert len(node.execution.calls) == 2


async def test_a_body_in_pieces_is_put_together(node: WireNode) -> None:
    client, data = await node.connect(), call(b'{"x":1,"y":2}')
    for at in range(len(data)):
        await client.send(data[at : at + 1])
    assert (await client.answer()).json()["outputParameters"] == {"answer": 3}


async def test_a_chunked_body_is_put_together_and_its_trailers_dropped(node: WireNode) -> None:
    chunks = b'4;note=1\r\n{"x"\r\n3\r\n:4}\r\n0\r\nAuthorization: Bearer x\r\n\r\n'
    answer = await node.ask(
        b"POST /api/wine/1.0 HTTP/1.1\r\nHost: n\r\nAuthorization: Bearer good-token\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    )
    assert answer.json()["outputParameters"] == {"answer": 4}


async def test_a_body_over_the_limit_is_refused_before_it_is_read(node: WireNode) -> None:
    client = await node.connect()
    head = call().replace(b"Content-Length: 13", b"Content-Length: 2147483648").split(b"{")[0]
    answer = await client.ask(head)
    assert (answer.status, answer.json()["type"]) == (413, "/problems/body-too-large")
    assert answer.fields["connection"] == "close"


async def test_the_client_is_asked_to_continue_before_the_body_is_sent(node: WireNode) -> None:
    client, data = await node.connect(), call(b'{"x":7}', b"Expect: 100-continue")
    head, body = data[:-7], data[-7:]
    assert (await client.ask(head)).status == 100
    assert (await client.ask(body)).json()["outputParameters"] == {"answer": 7}


async def test_who_has_no_token_is_not_asked_to_continue(node: WireNode) -> None:
    data = call(b'{"x":7}', b"Expect: 100-continue", token=b"bad")
    assert (await node.ask(data[:-7])).status == 401


@pytest.mark.parametrize("field", [b"Connection: close", b"connection: Close"])
async def test_a_client_that_asks_for_it_finds_the_connection_closed(
    node: WireNode, field: bytes
) -> None:
    client = await node.connect()
    answer = await client.ask(call(b"{}", field))
    assert answer.fields["connection"] == "close"
    assert await client.ended() == b""


async def test_http_1_0_is_answered_and_closed(node: WireNode) -> None:
    client = await node.connect()
    answer = await client.ask(call().replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert (answer.status, answer.fields["connection"]) == (200, "close")
    assert await client.ended() == b""


async def test_what_follows_a_closing_request_is_not_run(node: WireNode) -> None:
    client = await (await node.connect()).send(call(b"{}", b"Connection: close") + call())
    await client.answer()
    assert await client.ended() == b""
    assert len(node.execution.calls) == 1


async def test_an_answer_to_a_client_that_left_is_dropped(node: WireNode) -> None:
    node.execution.holds = True
    client = await (await node.connect()).send(call())
    await node.execution.arrived.wait()
    client.writer.transport.abort()
    await left(node)
    node.execution.release()
    node.execution.holds = False
    assert (await node.ask(call())).status == 200


async def test_a_client_that_reads_nothing_holds_up_only_itself(node: WireNode) -> None:
    client = await node.connect()
    node.execution.holds = True
    await client.send(call())
    await node.execution.arrived.wait()
    node.execution.holds = False
    assert (await node.ask(call())).status == 200
    node.execution.release()
    assert (await client.answer()).status == 200


@pytest.mark.parametrize(
    "fields",
    [b"", b"Authorization: Basic YTpi\r\n", b"Authorization: Bearer\r\n", b"Authorization: \r\n"],
)
async def test_a_call_without_a_token_is_refused(node: WireNode, fields: bytes) -> None:
    request = b"POST /api/wine/1.0 HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\n" + fields
    answer = await node.ask(request + b"\r\n{}")
    assert (answer.status, answer.fields["www-authenticate"]) == (401, 'Bearer realm="hermetic"')
    assert node.execution.calls == []


async def test_who_shows_no_token_is_told_what_is_told_of_any_address(node: WireNode) -> None:
    request = b"POST /api/wine/1.0 HTTP/1.1\r\nHost: n\r\nContent-Length: 2\r\n\r\n{}"
    assert json.loads((await node.ask(request)).body)["detail"] == MISSING


async def test_a_refused_call_leaves_its_connection_open(node: WireNode) -> None:
    client = await node.connect()
    assert (await client.ask(call(token=b"bad"))).status == 401
    assert (await client.ask(call())).status == 200


@pytest.mark.parametrize("scheme", [b"bearer", b"BEARER", b"Bearer "])
async def test_the_scheme_of_a_token_is_read_in_any_case(node: WireNode, scheme: bytes) -> None:
    assert (await node.ask(call().replace(b"Bearer", scheme))).status == 200


@pytest.mark.parametrize(
    "path", [b"/api/w%69ne/1%2E0", b"/api/wine/1.0?a=b", b"http://node/api/wine/1.0"]
)
async def test_other_spellings_of_the_address_reach_the_service(
    node: WireNode, path: bytes
) -> None:
    assert (await node.ask(call(path=path))).json()["outputParameters"] == {"answer": 3}


async def test_a_service_that_is_not_published_is_left_to_the_api(node: WireNode) -> None:
    assert (await node.ask(call(path=b"/api/beer/1.0"))).json()["path"] == "/api/beer/1.0"


async def test_a_service_that_was_retired_is_left_to_the_api(node: WireNode) -> None:
    for key in node.routes:
        node.routes.remove(key)
    assert (await node.ask(call())).json()["path"] == "/api/wine/1.0"


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"PUT", b"OPTIONS"])
async def test_another_method_is_left_to_the_api(node: WireNode, method: bytes) -> None:
    client = await node.connect()
    await client.send(b"%b /api/wine/1.0 HTTP/1.1\r\nHost: n\r\n\r\n" % method)
    assert (await client.answer(head=method == b"HEAD")).status == 200
    assert node.execution.calls == []


async def test_a_busy_node_says_when_to_come_again(node: WireNode) -> None:
    node.execution.failure = Busy("Every worker is busy.", 3)
    answer = await node.ask(call())
    assert (answer.status, answer.fields["retry-after"]) == (503, "3")


async def test_a_worker_that_died_is_told_with_its_last_words(node: WireNode) -> None:
    node.execution.failure = WorkerDied("The worker was killed.", -9, "MemoryError")
    answer = await node.ask(call())
    assert (answer.status, answer.json()["stderr"]) == (500, "MemoryError")


async def test_a_failed_call_leaves_its_connection_open(node: WireNode) -> None:
    client = await node.connect()
    node.execution.failure = Busy("Every worker is busy.")
    assert (await client.ask(call())).status == 503
    node.execution.failure = None
    assert (await client.ask(call())).status == 200


async def test_an_id_the_client_gave_comes_back(node: WireNode) -> None:
    answer = await node.ask(call(b"{}", b"X-Request-Id: order-17_a.b"))
    assert answer.fields["x-request-id"] == "order-17_a.b"


async def test_the_problem_is_an_instance_of_the_request(node: WireNode) -> None:
    answer = await node.ask(call(b"{}", b"X-Request-Id: mine", token=b"bad"))
    assert answer.json()["instance"] == "urn:hermetic:request:mine"


async def test_calls_are_counted_by_their_outcome(node: WireNode) -> None:
    client = await node.connect()
    for data in (call(), call(b'{"x":"text"}'), call(token=b"bad")):
        await client.ask(data)
    text = node.metrics.exposition().decode()
    for outcome in ("answered", "raised", "unauthenticated"):
        assert (
            f'hermetic_calls_total{{outcome="{outcome}",service="wine",version="1.0"}} 1.0' in text
        )


async def test_a_long_answer_arrives_whole(node: WireNode) -> None:
    body = b'{"x":1' + b" " * 300_000 + b"}"
    assert (await node.ask(call(body))).json()["outputParameters"] == {"answer": 1}


async def left(node: WireNode) -> None:
    """Return once the node has no connection but the one that asks."""
    client = await node.connect()
    while len(node.clients) > 1:
        await client.ask(b"GET /other HTTP/1.1\r\nHost: node\r\n\r\n")


async def test_a_client_can_come_again_after_it_left(node: WireNode) -> None:
    client: RawClient = await node.connect()
    await client.ask(call())
    client.close()
    await left(node)
    assert (await node.ask(call())).status == 200


async def test_a_call_like_the_one_before_it_is_judged_anew(node: WireNode) -> None:
    client = await node.connect()
    assert [(await client.ask(call())).status for _ in range(3)] == [200, 200, 200]
    node.routes.remove(WINE)
    assert (await client.ask(call())).json()["path"] == "/api/wine/1.0"
    node.routes.add(WINE)
    assert (await client.ask(call(token=b"bad-token"))).status == 401
    assert (await client.ask(call())).status == 200


async def test_a_long_body_is_refused_also_where_its_form_is_known() -> None:
    async with wire_node(limits=WireLimits(call_bytes=100)) as node:
        client = await node.connect()
        statuses = [(await client.ask(call())).status for _ in range(3)]
        statuses.append((await client.ask(call(b"1" * 101))).status)
        assert [*statuses, (await client.ask(call())).status] == [200, 200, 200, 413, 200]


async def test_other_requests_between_calls_are_answered_in_their_order(node: WireNode) -> None:
    client = await node.connect()
    other = b"GET /other HTTP/1.1\r\nHost: node\r\n\r\n"
    for _ in range(3):
        assert "outputParameters" in (await client.ask(call())).json()
        assert (await client.ask(other)).json()["path"] == "/other"
        await client.send(call() + other)
        assert "outputParameters" in (await client.answer()).json()
        assert (await client.answer()).json()["path"] == "/other"


async def test_each_call_of_a_connection_has_a_request_id_of_its_own(node: WireNode) -> None:
    client = await node.connect()
    seen = {(await client.ask(call())).fields["x-request-id"] for _ in range(5)}
    assert len(seen) == 5


async def test_a_token_of_another_node_is_asked_about_before_it_is_refused() -> None:
    others = Elsewhere(THEIRS)
    async with wire_node(authenticate=others.authenticate, settle=others.settle) as node:
        client = await node.connect()
        assert (await client.ask(call(token=THEIRS))).status == 200
        assert (await client.ask(call(token=THEIRS))).status == 200
        assert (await client.ask(call(token=b"nobodys"))).status == 401
    assert others.asked == 1
    assert len(node.execution.calls) == 2


async def test_a_token_that_nobody_gave_out_is_refused_and_its_call_not_run() -> None:
    others = Elsewhere()
    async with wire_node(authenticate=others.authenticate, settle=others.settle) as node:
        client = await node.connect()
        assert (await client.ask(call(token=THEIRS))).status == 401
        assert (await client.ask(call(token=THEIRS))).status == 401
    assert (others.asked, node.execution.calls) == (1, [])


async def test_where_others_cannot_be_asked_that_is_said_and_the_call_not_run() -> None:
    others = Elsewhere(THEIRS)
    others.answers = False
    async with wire_node(authenticate=others.authenticate, settle=others.settle) as node:
        answer = await node.ask(call(token=THEIRS))
        assert (answer.status, answer.json()["type"]) == (503, "/problems/unavailable")
    assert node.execution.calls == []


async def test_calls_behind_one_that_is_asked_about_wait_for_their_turn() -> None:
    others = Elsewhere(THEIRS)
    others.may_answer.clear()
    async with wire_node(authenticate=others.authenticate, settle=others.settle) as node:
        client = await node.connect()
        first, second = call(b'{"x":1}', token=THEIRS), call(b'{"x":2}', token=b"nobodys")
        await client.send(first + second)
        await others.reached.wait()
        assert node.execution.calls == []
        others.may_answer.set()
        answers = [await client.answer(), await client.answer()]
    assert [one.status for one in answers] == [200, 401]


async def test_who_left_while_others_were_asked_gets_nothing_run() -> None:
    others = Elsewhere(THEIRS)
    others.may_answer.clear()
    async with wire_node(authenticate=others.authenticate, settle=others.settle) as node:
        client = await node.connect()
        await client.send(call(token=THEIRS))
        await others.reached.wait()
        client.writer.transport.abort()
        await until(lambda: len(node.clients) == 0)
        others.may_answer.set()
        assert (await node.ask(call(token=b"nobodys"))).status == 401
    assert node.execution.calls == []


REFUSED = ServiceKey("wine", "deployed"), Unauthenticated("That is no key.")
DEPLOYED_CALL = b"/api/v1/service/wine/score"


def refusing(_url: bytes, bearer: bytes) -> tuple[ServiceKey, HermeticError] | None:
    return None if b"good" in bearer else REFUSED


async def test_who_may_not_call_a_deployment_reaches_no_application() -> None:
    async with wire_node(app=echo, refusing=refusing) as node:
        bad = await node.ask(call(path=DEPLOYED_CALL, token=b"bad"))
        assert bad.status == 401
        assert bad.fields["www-authenticate"]
        assert bad.json()["message"] == "That is no key."
        assert str(bad.json()["instance"]).endswith(bad.fields["x-request-id"])
        good = await node.ask(call(path=DEPLOYED_CALL, token=b"good"))
        assert good.json()["path"] == DEPLOYED_CALL.decode()
        assert node.execution.calls == []


async def test_one_connection_goes_on_after_a_refusal() -> None:
    async with wire_node(app=echo, refusing=refusing) as node:
        client = await node.connect()
        answers = [
            await client.ask(call(path=DEPLOYED_CALL, token=token))
            for token in (b"bad", b"good", b"bad", b"good")
        ]
        assert [one.status for one in answers] == [401, 200, 401, 200]
