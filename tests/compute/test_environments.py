"""Environments of their own for scripts that need packages, built with the real installer."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hermetic.clock import TurnedClock, system_clock
from hermetic.compute.environments import Environments
from hermetic.compute.limits import Limits
from hermetic.compute.pool import LocalExecution
from hermetic.errors import ServiceUnloadable
from hermetic.serving.exchange import HttpRequest, HttpResponse
from hermetic.serving.service import Entry, EntryKind
from tests.compute.conftest import LIMITS, Rig

pytestmark = pytest.mark.slow

NEEDED = ("six==1.17.0",)
SCRIPT = "import six, sys\ndef run(data):\n    return [six.__version__, sys.prefix, data]\n"
REQUEST = HttpRequest("POST", "/score", "", (), b"x")


class Equipped(Rig):
    """A pool that builds environments."""

    def __init__(self, home: Path, limits: Limits) -> None:
        super().__init__(home, limits)
        self.environments = Environments(home / "environments", system_clock)
        self.pool = LocalExecution(
            home / "work", limits=limits, hidden=home, environments=self.environments
        )


async def test_a_script_has_what_it_needs_and_is_confined_nevertheless(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "secret").write_text("a secret")
    rig = Equipped(home, LIMITS)
    await rig.pool.start()
    reading = (
        f"\ntry:\n    seen = open({str(home / 'secret')!r}).read()\nexcept OSError:\n    seen = 0\n"
    )
    script = SCRIPT.replace("\ndef", f"{reading}def").replace("data]", "seen]")
    bundle = rig.bundle({"score.py": script})
    service = rig.service(Entry(EntryKind.REQUEST, target="score.py", requirements=NEEDED))
    try:
        loaded = await rig.pool.check(service, bundle)
        assert "six" in loaded.console_output
        again = await rig.pool.check(service, bundle)
        assert "built before" in again.console_output
        rig.pool.place(service, bundle)
        answer = await rig.answer(service.key, REQUEST.packed())
    finally:
        await rig.pool.stop(0)
    assert answer.error is None
    prefix = str(rig.environments.python(NEEDED).parents[1])
    assert HttpResponse.unpacked(answer.body).body == f'["1.17.0", "{prefix}", 0]'.encode()


async def test_what_cannot_be_installed_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments", system_clock)
    nowhere = ("six==999.0",)
    with pytest.raises(ServiceUnloadable, match=r"six==999\.0") as refused:
        await environments.ensure(nowhere)
    assert refused.value.traceback
    assert not environments.is_ready(nowhere)


async def test_two_who_need_the_same_build_it_once(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments", system_clock)
    said = await asyncio.gather(environments.ensure(NEEDED), environments.ensure(NEEDED))
    assert sum("built before" in one for one in said) == 1


async def test_one_that_was_cut_short_is_built_again(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments", system_clock)
    python = environments.python(NEEDED)
    python.parent.mkdir(parents=True)
    python.symlink_to("/nonexistent")
    await environments.ensure(NEEDED)
    assert environments.is_ready(NEEDED)
    assert python.exists()


async def test_without_environments_nothing_is_installed(rig: Rig) -> None:
    service = rig.service(Entry(EntryKind.REQUEST, target="score.py", requirements=NEEDED))
    with pytest.raises(ServiceUnloadable, match="No packages"):
        await rig.pool.check(service, rig.bundle({"score.py": SCRIPT}))


LATER = timedelta(hours=25)
OTHER = ("attrs==25.4.0",)


class Shelf:
    """Environments on a clock of the test's own; what lies there is made by hand."""

    def __init__(self, home: Path) -> None:
        self.clock = TurnedClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
        self.folder = home / "environments"
        self.environments = Environments(self.folder, self.clock)

    def put(self, requirements: tuple[str, ...], *, ready: bool = True) -> Path:
        """Lay an environment there, as old as the clock says."""
        python = self.environments.python(requirements)
        python.parent.mkdir(parents=True)
        place, now = python.parents[1], self.clock().timestamp()
        if ready:
            (place / "ready").touch()
        for one in (place, *place.glob("ready")):
            os.utime(one, (now, now))
        return place


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_what_is_not_used_goes_after_a_day(shelf: Shelf) -> None:
    used, unused, broken = shelf.put(NEEDED), shelf.put(OTHER), shelf.put(("a",), ready=False)
    await shelf.environments.sweep({NEEDED})
    assert all(one.exists() for one in (used, unused, broken))
    shelf.clock.advance(LATER)
    await shelf.environments.sweep({NEEDED})
    assert [one.exists() for one in (used, unused, broken)] == [True, False, False]
    assert list(shelf.folder.iterdir()) == [used]


async def test_what_was_used_until_lately_stays(shelf: Shelf) -> None:
    place = shelf.put(NEEDED)
    shelf.clock.advance(LATER)
    await shelf.environments.sweep({NEEDED})
    await shelf.environments.sweep(())  # its last calls may still run
    assert shelf.environments.is_ready(NEEDED)
    shelf.clock.advance(LATER)
    await shelf.environments.sweep(())
    assert not place.exists()


async def test_what_is_being_deployed_is_not_swept(shelf: Shelf) -> None:
    shelf.put(NEEDED)
    shelf.clock.advance(LATER)
    assert "built before" in await shelf.environments.ensure(NEEDED)
    await shelf.environments.sweep(())  # it looked before the deployment was there
    assert shelf.environments.is_ready(NEEDED)


async def test_who_wants_it_while_it_is_swept_has_it_built_again(shelf: Shelf) -> None:
    shelf.put(NEEDED)
    shelf.clock.advance(LATER)
    _, said = await asyncio.gather(shelf.environments.sweep(()), shelf.environments.ensure(NEEDED))
    assert shelf.environments.is_ready(NEEDED)
    assert "six" in said or "built before" in said


async def test_what_is_none_of_ours_stays_and_leftovers_go(shelf: Shelf) -> None:
    shelf.put(NEEDED)
    for name in (".doomed-1", ".cache", "notes"):
        (shelf.folder / name).mkdir()
    shelf.clock.advance(LATER)
    await shelf.environments.sweep({NEEDED})
    assert {one.name for one in shelf.folder.iterdir()} >= {".cache", "notes"}
    assert not (shelf.folder / ".doomed-1").exists()


async def test_where_none_was_built_nothing_is_swept(shelf: Shelf) -> None:
    await shelf.environments.sweep({NEEDED})
    assert not shelf.folder.exists()
