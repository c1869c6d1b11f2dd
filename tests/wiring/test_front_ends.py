"""Further host names of a web node, from the settings to the list of certificates."""

import asyncio
from pathlib import Path

import pytest

from hermetic.certificates.roles import Role
from hermetic.clock import system_clock
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home
from hermetic.config.sections import Certificates, Tls
from hermetic.errors import BadConfiguration
from hermetic.wiring.presenting import seal
from hermetic.wiring.wish import Wish
from tests.support.certificates import hierarchy
from tests.support.memory_tls import shake, trusting
from tests.support.waiting import until

AUTHORITY = hierarchy(name="Company")


def lay(place: Path, *names: str) -> None:
    made = AUTHORITY.issue(*names)
    place.mkdir(parents=True, exist_ok=True)
    (place / "tls.crt").write_bytes(made.chain_pem)
    (place / "tls.key").write_bytes(made.key_pem)


def wish(folder: Path) -> Wish:
    return Wish.of(Role.API, ("localhost",), Tls(), Certificates(front_ends=str(folder)))


async def test_they_are_presented_followed_listed_and_counted(home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "front-ends"
    lay(folder / "one", "one.test")
    (folder / "bad").mkdir()
    sealing = await seal(home, wish(folder), system_clock)
    assert sealing.context is not None
    base, client = sealing.context.base, trusting(AUTHORITY.root_pem)
    assert shake(base, client, "one.test").succeeded
    views = {one.entry: one for one in sealing.certification.views()}
    assert list(views) == ["api", "front-end-bad", "front-end-one"]
    assert views["front-end-one"].kept.source == f"folder {folder / 'one'}"
    assert views["front-end-one"].chain is not None
    assert "tls.crt is not there" in str(views["front-end-bad"].last_error)
    assert 0 < sealing.seconds_left()["front-end-one"] <= 86_400
    tasks = [asyncio.ensure_future(one()) for one in sealing.tasks]
    lay(folder / "two", "two.test")
    await until(lambda: shake(base, client, "two.test").succeeded, within_s=20)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_folder_that_is_missing_is_told_at_the_start(home: Home, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="make it"):
        await seal(home, wish(tmp_path / "missing"), system_clock)


def test_a_compute_node_has_none() -> None:
    with pytest.raises(BadConfiguration, match="web") as caught:
        ComputeSettings(certificates=Certificates(front_ends="/etc/hermetic/front-ends"))
    assert caught.value.members.get("key", "Certificates.FrontEnds") == "Certificates.FrontEnds"
