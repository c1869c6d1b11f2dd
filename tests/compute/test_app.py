"""The addresses of a compute node, beside calls and sessions."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hermetic.http.limits import WireLimits
from hermetic.wire.placements import placed
from tests.support.computenode import ComputeNode, compute_node
from tests.support.wire import WINE_SERVICE

DIGEST, DOCUMENT = placed(WINE_SERVICE)
LIMITS = WireLimits(json_bytes=len(DOCUMENT), upload_bytes=2000)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ComputeNode]:
    async with compute_node(tmp_path, limits=LIMITS) as running:
        yield running


@pytest.fixture
async def asked(node: ComputeNode) -> AsyncIterator[httpx2.AsyncClient]:
    url = f"http://127.0.0.1:{node.port}"
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
        yield client


async def test_a_service_is_placed_called_and_withdrawn(
    node: ComputeNode, asked: httpx2.AsyncClient
) -> None:
    call = f"/calls/{DIGEST}"
    assert (await asked.post(call, content=b"{}")).json()["type"] == "/problems/not-placed"
    assert (await asked.put(f"/placements/{DIGEST}", content=DOCUMENT)).status_code == 200
    answer = await asked.post(call, content=b'{"x":1}')
    assert answer.json()["outputParameters"] == {"answer": 1}
    assert (await asked.delete(f"/placements/{DIGEST}")).status_code == 200
    assert (await asked.post(call, content=b"{}")).json()["type"] == "/problems/not-placed"


async def test_a_document_under_another_digest_is_refused(
    node: ComputeNode, asked: httpx2.AsyncClient
) -> None:
    for digest, document in (("0" * 64, DOCUMENT), (DIGEST, DOCUMENT[:-1]), ("x", b"{}")):
        assert (await asked.put(f"/placements/{digest}", content=document)).status_code == 400
    assert len(node.placements) == 0


async def test_more_than_may_be_sent_is_refused(asked: httpx2.AsyncClient) -> None:
    large = DOCUMENT + b" "
    assert (await asked.put(f"/placements/{DIGEST}", content=large)).status_code == 413
    assert (await asked.post(f"/placements/{DIGEST}/check", content=large)).status_code == 413
    assert (await asked.put(f"/bundles/{DIGEST}", content=bytes(2001))).status_code == 413


async def test_it_is_probed_and_begun_again(node: ComputeNode, asked: httpx2.AsyncClient) -> None:
    assert (await asked.post("/probe")).status_code == 200
    assert node.restarts == []
    assert (await asked.post("/restart")).status_code == 202
    assert node.restarts == [None]
    node.execution.alive = False
    assert (await asked.post("/probe")).status_code == 503


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/restart"), ("GET", "/services"), ("POST", "/restart/")]
)
async def test_nothing_else_is_answered(
    node: ComputeNode, asked: httpx2.AsyncClient, method: str, path: str
) -> None:
    assert (await asked.request(method, path)).status_code in {401, 404, 405}
    token = {"authorization": "Bearer something"}
    assert (await asked.request(method, path, headers=token)).status_code in {401, 404, 405}
    assert node.restarts == []
