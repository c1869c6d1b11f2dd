"""Environments of their own for scripts that need packages, built with the real installer."""

import asyncio
from pathlib import Path

import pytest

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
        self.environments = Environments(home / "environments")
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
    environments = Environments(tmp_path / "environments")
    nowhere = ("six==999.0",)
    with pytest.raises(ServiceUnloadable, match=r"six==999\.0") as refused:
        await environments.ensure(nowhere)
    assert refused.value.traceback
    assert not environments.is_ready(nowhere)


async def test_two_who_need_the_same_build_it_once(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments")
    said = await asyncio.gather(environments.ensure(NEEDED), environments.ensure(NEEDED))
    assert sum("built before" in one for one in said) == 1


async def test_one_that_was_cut_short_is_built_again(tmp_path: Path) -> None:
    environments = Environments(tmp_path / "environments")
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
