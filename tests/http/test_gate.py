"""What holds for every request that reaches ASGI."""

import pytest
import structlog
from starlette.types import Receive, Scope, Send

from hermetic.errors import Busy, HermeticError
from hermetic.fronts.proxies import Proxies
from hermetic.http.gate import Gate, opened_by
from hermetic.wire.openapi import Operation
from tests.support.elsewhere import THEIRS, Elsewhere
from tests.support.wire import WireNode, authenticate, call, wire_node

OPEN = Operation("GET", "/open/{name}", "open", "Open.", "Test", open=True)
CLOSED = Operation("GET", "/closed", "closed", "Closed.", "Test")


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail as the path says, or answer."""
    if scope["path"] == "/open/broken":
        raise ZeroDivisionError("a secret of ours")
    if scope["path"] == "/open/ours":
        raise HermeticError("another secret of ours")
    if scope["path"] == "/open/busy":
        raise Busy("Every worker is busy.", 7)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
    if scope["path"] == "/open/late":
        raise ZeroDivisionError


GATE = Gate(failing, opened_by([OPEN, CLOSED]), authenticate, b"max-age=5")


async def asked(node: WireNode, path: bytes, method: bytes = b"GET") -> tuple[int, str]:
    """Return the status and the type of the problem, if it was one."""
    client = await node.connect()
    await client.send(b"%b %b HTTP/1.1\r\nHost: n\r\n\r\n" % (method, path))
    answer = await client.answer(head=method == b"HEAD")
    return answer.status, str(answer.json()["type"]) if answer.body else ""


@pytest.mark.parametrize("path", [b"/open/x", b"/open/x?q=1", b"/open/%41"])
async def test_what_is_open_needs_no_token(path: bytes) -> None:
    async with wire_node(app=GATE) as node:
        assert await asked(node, path) == (204, "")
        assert await asked(node, path, b"HEAD") == (204, "")


@pytest.mark.parametrize("path", [b"/closed", b"/open", b"/open/x/y", b"/open/", b"/xopen/x"])
async def test_everything_else_needs_one(path: bytes) -> None:
    async with wire_node(app=GATE) as node:
        assert await asked(node, path) == (401, "/problems/unauthenticated")
        assert (await node.ask(call(path=path))).status == 204


async def test_an_address_that_is_open_to_reading_is_closed_to_writing() -> None:
    async with wire_node(app=GATE) as node:
        assert (await asked(node, b"/open/x", b"DELETE"))[0] == 401


async def test_every_answer_has_an_id_and_the_fields_that_protect_browsers() -> None:
    async with wire_node(app=GATE) as node:
        for path in (b"/open/x", b"/open/broken", b"/closed"):
            fields = (await node.ask(b"GET %b HTTP/1.1\r\nHost: n\r\n\r\n" % path)).fields
            assert fields["x-request-id"].startswith("test-")
            assert fields["strict-transport-security"] == "max-age=5"
            assert fields["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [b"/open/broken", b"/open/ours"])
async def test_a_stranger_learns_only_the_id_of_a_fault_of_ours(path: bytes) -> None:
    async with wire_node(app=GATE) as node:
        answer = await node.ask(b"GET %b HTTP/1.1\r\nHost: n\r\n\r\n" % path)
    assert (answer.status, answer.json()["type"]) == (500, "/problems/internal-error")
    assert b"secret" not in answer.body
    assert answer.fields["x-request-id"] in str(answer.json()["detail"])


async def test_the_log_says_what_the_stranger_does_not_learn() -> None:
    with structlog.testing.capture_logs() as lines:
        async with wire_node(app=GATE) as node:
            await asked(node, b"/open/broken?token=hidden")
    (line,) = [one for one in lines if one["event"] == "request.broke"]
    assert isinstance(line["exc_info"], ZeroDivisionError)
    assert "hidden" not in str(line)


async def test_a_busy_node_says_when_to_come_again() -> None:
    async with wire_node(app=GATE) as node:
        answer = await node.ask(b"GET /open/busy HTTP/1.1\r\nHost: n\r\n\r\n")
    assert (answer.status, answer.fields["retry-after"]) == (503, "7")


async def test_a_failure_after_the_answer_does_not_break_the_next_request() -> None:
    async with wire_node(app=GATE) as node:
        assert (await asked(node, b"/open/late"))[0] == 204
        assert (await asked(node, b"/open/x"))[0] == 204


CLAIMING = (
    b"GET /open/x HTTP/1.1\r\nHost: n\r\nX-Forwarded-For: 192.0.2.7\r\n"
    b"X-Forwarded-Proto: https\r\nX-Client-Cert: forged\r\nSSL_CLIENT_S_DN: CN=admin\r\n\r\n"
)


@pytest.mark.parametrize(
    ("proxies", "believed"),
    [(None, ["127.0.0.1", "http"]), (["127.0.0.0/8"], ["192.0.2.7", "https"])],
)
async def test_a_named_proxy_says_who_asks_and_nobody_else_does(
    proxies: list[str] | None, believed: list[str]
) -> None:
    seen: list[Scope] = []

    async def seeing(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await failing(scope, receive, send)

    trusted = None if proxies is None else Proxies.parse(proxies)
    async with wire_node(
        app=Gate(seeing, opened_by([OPEN]), authenticate, proxies=trusted)
    ) as node:
        assert (await node.ask(CLAIMING)).status == 204
    assert [seen[0]["client"][0], seen[0]["scheme"]] == believed
    assert [name for name, _ in seen[0]["headers"]] == [b"host"]


async def test_a_token_of_another_node_is_asked_about_before_it_is_refused() -> None:
    others = Elsewhere(THEIRS)
    gate = Gate(failing, opened_by([CLOSED]), others.authenticate, settle=others.settle)
    async with wire_node(app=gate) as node:
        assert (await node.ask(call(path=b"/closed", token=THEIRS))).status == 204
        assert (await node.ask(call(path=b"/closed", token=THEIRS))).status == 204
        assert (await node.ask(call(path=b"/closed", token=b"nobodys"))).status == 401
    assert others.asked == 1


async def test_where_others_cannot_be_asked_that_is_said_and_nobody_let_in() -> None:
    others = Elsewhere(THEIRS)
    others.answers = False
    gate = Gate(failing, opened_by([CLOSED]), others.authenticate, settle=others.settle)
    async with wire_node(app=gate) as node:
        assert (await node.ask(call(path=b"/closed", token=THEIRS))).status == 503


async def test_with_nobody_to_ask_a_refusal_is_one() -> None:
    others = Elsewhere(THEIRS)
    async with wire_node(app=Gate(failing, opened_by([CLOSED]), others.authenticate)) as node:
        assert (await node.ask(call(path=b"/closed", token=THEIRS))).status == 401
    assert others.asked == 0
