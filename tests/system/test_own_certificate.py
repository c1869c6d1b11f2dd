"""A folder supplied from outside, as the kubelet mounts a secret: followed while it serves."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hermetic.certificates.credential import Credential
from tests.support import product as products
from tests.support.bad_pairs import BAD_PAIRS, BadPair
from tests.support.certificates import Hierarchy, hierarchy
from tests.support.handshakes import Watcher
from tests.support.product import Product, until
from tests.support.volumes import SecretVolume, pair_of

pytestmark = [pytest.mark.slow, pytest.mark.system]


@pytest.fixture(scope="module")
def authority() -> Hierarchy:
    return hierarchy()


@pytest.fixture(scope="module")
def first(authority: Hierarchy) -> Credential:
    return authority.issue("localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def volume(first: Credential, tmp_path_factory: pytest.TempPathFactory) -> SecretVolume:
    return SecretVolume(tmp_path_factory.mktemp("volume") / "secret", pair_of(first))


@pytest.fixture(scope="module")
def ca(authority: Hierarchy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    path.write_bytes(authority.root_pem)
    return path


@pytest.fixture(scope="module")
def box(volume: SecretVolume, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    home = tmp_path_factory.mktemp("own") / "home"
    product = products.start(home, "--certificate-folder", str(volume.folder))
    yield product
    assert product.stop() == 0


@pytest.fixture
async def watcher(box: Product, ca: Path) -> AsyncIterator[Watcher]:
    watching = Watcher(box.port, ca)
    task = asyncio.create_task(watching.run())
    yield watching
    watching.stopped = True
    await task
    assert watching.failures == []


async def test_every_rotation_of_the_volume_is_served(
    watcher: Watcher, volume: SecretVolume, authority: Hierarchy
) -> None:
    for _ in range(10):
        fresh = authority.issue("localhost", "127.0.0.1")
        volume.rotate(pair_of(fresh))
        await watcher.until(fresh.chain.serial)


@pytest.mark.parametrize("bad", BAD_PAIRS, ids=str)
async def test_a_bad_pair_is_refused_by_name_and_the_last_good_one_stays(
    box: Product, watcher: Watcher, volume: SecretVolume, authority: Hierarchy, bad: BadPair
) -> None:
    good = authority.issue("localhost", "127.0.0.1")
    volume.rotate(pair_of(good))
    await watcher.until(good.chain.serial)
    seen = len(box.log)
    volume.rotate(bad.make(authority))
    await asyncio.to_thread(until, lambda: f'"reason": "{bad.code}"' in box.log[seen:])
    assert await watcher.serial() == good.chain.serial


def test_a_folder_without_a_pair_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"ended with (65|78)") as refused:
        products.start(tmp_path / "home", "--certificate-folder", str(tmp_path / "nowhere"))
    assert "nowhere" in str(refused.value)
    assert "Traceback" not in str(refused.value)
