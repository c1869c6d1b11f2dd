"""Requests and responses on their way to a worker and back."""

import pytest

from hermetic.errors import MalformedBody
from hermetic.serving.exchange import HttpRequest, HttpResponse

REQUEST = HttpRequest("POST", "/score", "a=1", (("x-told", "ä"), ("x-told", "b")), b"\x00\xff{}")
RESPONSE = HttpResponse(201, (("x-a", "b"),), b"\xff", failed=True, console="said\n")


def test_a_request_arrives_as_it_was_sent() -> None:
    assert HttpRequest.unpacked(REQUEST.packed()) == REQUEST


def test_a_response_arrives_as_it_was_sent() -> None:
    assert HttpResponse.unpacked(RESPONSE.packed()) == RESPONSE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00\x00",
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x02[]",
        b"\xff\xff\xff\xff{}",
        b"\x00\x00\x00\x05[[[[[",
        b'\x00\x00\x00\x2f{"method":1,"path":1,"query":1,"headers":[["a"]]}',
    ],
)
def test_what_is_no_exchange_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedBody):
        HttpRequest.unpacked(data)
    with pytest.raises(MalformedBody):
        HttpResponse.unpacked(data)


def test_no_body_is_shown() -> None:
    assert "{}" not in repr(REQUEST)
    assert "said" not in repr(RESPONSE)
