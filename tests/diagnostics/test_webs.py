"""Web nodes from outside, where something else answers than should."""

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hermetic.diagnostics import webs
from hermetic.diagnostics.webs import Outside, look
from hermetic.tls.contexts import TlsProfile, client_context
from tests.support.certificates import hierarchy
from tests.support.hops import answering, presenting, serving

OURS = hierarchy()
NOW = datetime.now(UTC)


def outside(token: str | None = "token") -> Outside:
    context = client_context(OURS.root_pem, profile=TlsProfile.INTERMEDIATE)
    return Outside(context, lambda _certificates, _name: None, token)


async def test_whoever_answers_no_diagnosis_is_no_web_node_that_is_ready() -> None:
    async with serving(presenting(OURS.issue())) as port:
        found = await look(f"https://localhost:{port}", outside(), NOW)
    assert [one.code for one in found] == ["hop.sealed", "web.ready", "web.not-ready"]


async def test_without_a_token_what_is_behind_is_not_looked_at() -> None:
    async with serving(presenting(OURS.issue())) as port:
        found = await look(f"https://localhost:{port}", outside(None), NOW)
    assert found[-1].code == "login.missing"


async def test_a_plain_address_is_looked_at_and_told() -> None:
    async with serving(None) as port:
        found = await look(f"http://localhost:{port}", outside(None), NOW)
    assert [one.code for one in found] == ["hop.plain-http", "web.ready", "login.missing"]


async def test_a_token_goes_over_plain_http_only_where_that_was_said_of_the_address() -> None:
    asked: list[bytes] = []
    async with serving(None, asked=asked) as port:
        peers = answering(b'{"webNodes": ["http://127.0.0.1:%d"]}' % port)
        answers = {"/diagnosis/peers": peers, "/diagnosis": answering(b'{"findings": []}')}
        url = f"http://localhost:{port}"
        found = await look(url, outside(), NOW)
        assert [one.code for one in found] == ["hop.plain-http", "web.ready", "login.kept-back"]
        assert asked
        assert not any(b"token" in one for one in asked)
        async with serving(presenting(OURS.issue()), answers=answers) as sealed:
            found = await look(f"https://localhost:{sealed}", outside(), NOW)
        assert found[-1].code == "login.kept-back"
        assert found[-1].where == f"web node http://127.0.0.1:{port}"
        assert not any(b"token" in one for one in asked)
        await look(url, replace(outside(), plain_http=True), NOW)
        assert any(b"Bearer token" in one for one in asked)


async def test_a_peer_that_was_named_over_plain_http_is_believed_by_its_certificate_only() -> None:
    asked: list[bytes] = []
    stranger = presenting(hierarchy(name="Others").issue())
    async with serving(stranger, asked=asked) as port:
        peers = answering(b'{"webNodes": ["https://localhost:%d"]}' % port)
        answers = {"/diagnosis/peers": peers, "/diagnosis": answering(b'{"findings": []}')}
        async with serving(None, answers=answers) as first:
            told = replace(outside(), plain_http=True)
            found = await look(f"http://localhost:{first}", told, NOW)
    assert {"web.silent", "port.no-handshake"} & {one.code for one in found[-2:]}
    assert not asked


@pytest.mark.slow
async def test_all_ends_in_time_with_what_was_found_and_a_peer_that_hangs_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webs, "WITHIN_S", 0.8)
    context = presenting(OURS.issue())
    async with serving(context, silent=True) as hung:
        peers = answering(b'{"webNodes": ["https://localhost:%d"]}' % hung)
        answers = {"/diagnosis/peers": peers, "/diagnosis": answering(b'{"findings": []}')}
        async with serving(context, answers=answers) as port:
            began = time.monotonic()
            found = await look(f"https://localhost:{port}", outside(), NOW)
            took = time.monotonic() - began
    assert [one.code for one in found] == ["hop.sealed", "web.ready", "hop.sealed", "web.silent"]
    assert found[-1].where == f"web node https://localhost:{hung}"
    assert took < 1.5


@pytest.mark.parametrize(
    ("status", "code"), [(401, "login.refused"), (403, "login.not-owner"), (500, "web.not-ready")]
)
async def test_who_may_not_look_behind_is_told_why(status: int, code: str) -> None:
    answers = {"/diagnosis": answering(b"", status)}
    async with serving(presenting(OURS.issue()), answers=answers) as port:
        found = await look(f"https://localhost:{port}", outside(), NOW)
    assert [one.code for one in found] == ["hop.sealed", "web.ready", code]


@pytest.mark.parametrize(
    ("date", "code"),
    [(b"date: Thu, 01 Jan 2026 00:00:00 GMT", "web.skewed"), (b"x-y: z", "web.ready")],
)
async def test_a_clock_that_is_off_is_told(date: bytes, code: str) -> None:
    answers = {"/readyz?verbose": answering(b"", 200, date)}
    async with serving(presenting(OURS.issue()), answers=answers) as port:
        found = await look(f"https://localhost:{port}", outside(None), NOW)
    assert [one.code for one in found] == ["hop.sealed", code, "login.missing"]


async def test_what_a_web_node_of_another_version_finds_besides_is_left_out() -> None:
    told = b"""{"findings": [
        {"code": "later.code", "level": "fail", "where": "x", "text": "t", "remedy": ""},
        {"code": "node.fine", "level": "pass", "where": "compute node c", "text": "t",
         "remedy": ""}]}"""
    answers = {"/diagnosis": answering(told)}
    async with serving(presenting(OURS.issue()), answers=answers) as port:
        found = await look(f"https://localhost:{port}", outside(), NOW)
    assert [one.code for one in found] == ["hop.sealed", "web.ready", "node.fine"]
    assert found[-1].where == f"compute node c, seen from https://localhost:{port}"
