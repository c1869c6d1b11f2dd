"""How bodies go in and out of the API."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermetic.http.limits import WireLimits
from tests.support.webnode import WebNode, web_node
from tests.support.wire import RawClient

SMALL = dataclasses.replace(WireLimits(), json_bytes=1000, upload_bytes=1000)


async def test_what_exists_tells_which_methods_it_has(web: WebNode) -> None:
    answer = await web.client.request("OPTIONS", "/services/a/1")
    assert (answer.status_code, answer.headers["allow"]) == (
        204,
        "DELETE, GET, HEAD, OPTIONS, PATCH, POST",
    )
    refused = await web.client.put("/services/a/1", json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, answer.headers["allow"])


async def test_a_head_has_the_header_of_a_get_and_no_body(web: WebNode) -> None:
    get, head = await web.client.get("/services"), await web.client.head("/services")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("path", ["/services/a/1", "/bundles", "/sessions"])
async def test_a_body_over_the_limit_is_refused(tmp_path: Path, path: str) -> None:
    async with web_node(tmp_path, limits=SMALL) as web:
        announced = await web.client.post(path, content=b" " * 1001)
        chunked = await web.client.post(path, content=in_chunks())
    assert (announced.status_code, chunked.status_code) == (413, 413)


async def in_chunks() -> AsyncIterator[bytes]:
    """Yield more than the limit without announcing it."""
    for _ in range(3):
        yield b" " * 500


async def test_a_client_that_leaves_in_the_middle_of_a_body_does_no_harm(web: WebNode) -> None:
    client = await raw(web)
    token = web.client.headers["authorization"].encode()
    await client.send(
        b"POST /bundles HTTP/1.1\r\nHost: n\r\nAuthorization: %b\r\n"
        b"Content-Length: 100\r\n\r\nPK" % token
    )
    client.writer.transport.abort()
    assert (await web.client.get("/services")).status_code == 200


async def raw(web: WebNode) -> RawClient:
    """Connect to *web* without a library in between."""
    return RawClient(*await asyncio.open_connection("127.0.0.1", web.port))
