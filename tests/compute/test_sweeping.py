import asyncio
import threading
from pathlib import Path

import pytest

from hermetic.compute import sweeping
from hermetic.compute.sweeping import Sweeper


async def test_folders_are_removed_with_all_that_is_in_them(tmp_path: Path) -> None:
    sweeper = Sweeper()
    for name in ("a", "b"):
        (tmp_path / name / "c").mkdir(parents=True)
        (tmp_path / name / "c" / "d").touch()
        sweeper.remove(str(tmp_path / name))
    assert await sweeper.finish(10)
    assert list(tmp_path.iterdir()) == []
    assert "sweeper" not in [thread.name for thread in threading.enumerate()]


async def test_it_is_of_use_again_after_its_end(tmp_path: Path) -> None:
    sweeper = Sweeper()
    assert await sweeper.finish(10)
    sweeper.remove(str(tmp_path / "gone"))
    assert await sweeper.finish(10)


async def test_nobody_waits_longer_than_they_have_patience(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(sweeping, "remove_tree", lambda _: go.wait(10))
    sweeper = Sweeper()
    sweeper.remove(str(tmp_path))
    async with asyncio.timeout(5):
        assert not await sweeper.finish(0.01)
    go.set()
