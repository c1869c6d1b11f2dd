"""A request like the one before it is known without parsing, and only such a one."""

from dataclasses import dataclass, field

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermetic.http.repeated import Form

HEAD = (
    b"POST /api/wine/1.0 HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer t0k\r\n"
    b"Content-Type: application/json\r\nContent-Length: "
)
NAMED = b"POST /calls/ab HTTP/1.1\r\nhost: n:1\r\nx-request-id: web-1\r\ncontent-length: "


@dataclass
class Parsed:
    """What httptools makes of bytes: each request it finds."""

    requests: list[tuple[bytes, tuple[tuple[bytes, bytes], ...], bytes]] = field(
        default_factory=list
    )
    url: bytes = b""
    body: bytes = b""
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)

    def on_message_begin(self) -> None:
        self.url, self.body, self.fields = b"", b"", []

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.requests.append((self.url, tuple(self.fields), self.body))


def parsed(data: bytes) -> list[tuple[bytes, tuple[tuple[bytes, bytes], ...], bytes]] | None:
    found = Parsed()
    try:
        httptools.HttpRequestParser(found).feed_data(data)
    except httptools.HttpParserError:
        return None
    return found.requests


def whole(head: bytes, body: bytes) -> bytes:
    return head + b"%d\r\n\r\n" % len(body) + body


def form_of(head: bytes, body: bytes = b"{}") -> Form:
    data = whole(head, body)
    requests = parsed(data)
    assert requests is not None
    (url, fields, _), *_ = requests
    form = Form.of(data, url, dict(fields))
    assert form is not None
    return form


def test_a_body_of_another_length_is_of_the_same_form() -> None:
    form = form_of(HEAD)
    assert form.match(whole(HEAD, b'{"x":123456}')) == (None, b'{"x":123456}')
    assert form.match(whole(HEAD, b"")) == (None, b"")


def test_a_request_of_another_id_is_of_the_same_form() -> None:
    form = form_of(NAMED)
    assert form.match(whole(NAMED.replace(b"web-1", b"web-2f"), b"[1]")) == (b"web-2f", b"[1]")


@pytest.mark.parametrize(
    "data",
    [
        whole(HEAD.replace(b"t0k", b"t1k"), b"{}"),
        whole(HEAD.replace(b"wine/1.0", b"wine/2.0"), b"{}"),
        whole(HEAD, b"{}") + b"P",
        whole(HEAD, b"{}")[:-1],
        HEAD + b"2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        HEAD + b"2 \r\n\r\n{}",
        HEAD + b"+2\r\n\r\n{}",
        HEAD + b"\xb2\r\n\r\n{}",
        HEAD + b"-2\r\n\r\n{}",
        HEAD + b"2\n\r\n\r\n{}",
        HEAD + b"0000000002\r\n\r\n{}",
        HEAD + b"\r\n\r\n",
        HEAD,
        b"",
    ],
    ids=str,
)
def test_anything_else_goes_to_the_parser(data: bytes) -> None:
    assert form_of(HEAD).match(data) is None


@pytest.mark.parametrize(
    "request_id", [b"", b"a b", b"a\nx: y", b"a\n", b'a"b', b"a" * 129, b"\xff", b"a\x00"]
)
def test_an_id_that_is_not_well_formed_goes_to_the_parser(request_id: bytes) -> None:
    assert form_of(NAMED).match(whole(NAMED.replace(b"web-1", request_id), b"{}")) is None


@pytest.mark.parametrize(
    "data",
    [
        whole(HEAD, b"{}") * 2,
        HEAD + b"0x2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nhost: n\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: n\r\ncontent-length: 2\r\nx-request-id: a\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nhost: n\r\ncontent-length: 2",
    ],
    ids=str,
)
def test_what_cannot_be_repeated_has_no_form(data: bytes) -> None:
    fields = {b"host": b"n"}
    if b"x-request-id" in data:
        fields[b"x-request-id"] = b"a"
    assert Form.of(data, b"/", fields) is None


def test_nothing_of_a_token_shows_in_its_words() -> None:
    assert "t0k" not in repr(form_of(HEAD))


@given(
    head=st.sampled_from([HEAD, NAMED]),
    cut=st.integers(0, 200),
    length=st.integers(0, 6),
    put=st.binary(max_size=6)
    | st.sampled_from([b"\r\n", b"\n", b" ", b"\r\n\r\n", b"0", b"9", b":", b"chunked"]),
    body=st.binary(max_size=8),
)
def test_what_is_of_a_form_means_what_the_parser_says(
    head: bytes, cut: int, length: int, put: bytes, body: bytes
) -> None:
    data = whole(head, body)
    changed = data[:cut] + put + data[cut + length :]
    found = form_of(head).match(changed)
    if found is not None:
        request_id, read = found
        requests = parsed(changed)
        assert requests is not None
        (url, fields, parsed_body), *others = requests
        assert not others
        assert (url, parsed_body) == (form_of(head).url, read)
        assert dict(fields).get(b"x-request-id") == request_id
        before = {**form_of(head).fields, b"content-length": b"", b"x-request-id": b""}
        assert {**dict(fields), b"content-length": b"", b"x-request-id": b""} == before
