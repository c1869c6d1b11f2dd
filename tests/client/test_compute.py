"""What a web node asks of a compute node beside calls."""

from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from hermetic.client.asking import Asker
from hermetic.client.compute import ComputeClient
from hermetic.client.link import Target
from hermetic.errors import (
    BundleMissing,
    BundleRejected,
    ServiceUnloadable,
    Unavailable,
    Unreachable,
)
from hermetic.serving.service import Entry
from hermetic.wire.placements import placed
from tests.support.archives import zipped
from tests.support.computenode import ComputeNode, compute_node
from tests.support.wire import WINE_SERVICE

ARCHIVE = zipped({"files/a.txt": b"hello" * 1000})
DIGEST = sha256(ARCHIVE).hexdigest()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[ComputeNode]:
    async with compute_node(tmp_path) as running:
        yield running


@pytest.fixture
async def client(node: ComputeNode) -> AsyncIterator[ComputeClient]:
    target = Target("127.0.0.1", node.port, sealed=False)
    asker = Asker(target, lambda: None)
    yield ComputeClient(asker)
    await asker.close()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.zip"
    path.write_bytes(ARCHIVE)
    return path


async def test_a_service_is_placed_and_withdrawn(node: ComputeNode, client: ComputeClient) -> None:
    digest, document = placed(WINE_SERVICE)
    await client.place(digest, document)
    assert len(node.placements) == 1
    await client.withdraw(digest)
    await client.withdraw(digest)
    assert len(node.placements) == 0


async def test_a_bundle_is_asked_for_sent_and_then_taken(
    node: ComputeNode, client: ComputeClient, archive: Path
) -> None:
    digest, document = placed(replace(WINE_SERVICE, bundle=DIGEST))
    with pytest.raises(BundleMissing):
        await client.place(digest, document)
    await client.keep(DIGEST, archive)
    await client.place(digest, document)
    assert len(node.placements) == 1


async def test_a_bundle_under_another_digest_is_refused(
    client: ComputeClient, archive: Path
) -> None:
    with pytest.raises(BundleRejected):
        await client.keep("0" * 64, archive)


async def test_what_a_trial_load_shows_comes_back(client: ComputeClient) -> None:
    assert (await client.check(*placed(WINE_SERVICE))).console_output == ""
    broken = replace(WINE_SERVICE, entry=Entry(code="raise KeyError"))
    with pytest.raises(ServiceUnloadable) as caught:
        await client.check(*placed(broken))
    assert caught.value.traceback == "Traceback"


async def test_a_node_without_workers_fails_the_probe(
    node: ComputeNode, client: ComputeClient
) -> None:
    await client.probe()
    node.execution.alive = False
    with pytest.raises(Unavailable):
        await client.probe()


async def test_the_status_tells_the_pool(client: ComputeClient) -> None:
    details = (await client.status()).details
    assert (details["pythonMaxPoolSize"], details["apiVersion"]) == (2, "1.0")


async def test_a_node_that_is_not_there_is_unreachable() -> None:
    asker = Asker(Target("127.0.0.1", 1, sealed=False), lambda: None)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1"):
        await ComputeClient(asker).status()
    await asker.close()
