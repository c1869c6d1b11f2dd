"""Writers that are killed, and disks that are really full: what the next one finds."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hermetic.certificates.credential import Credential, pair
from hermetic.certificates.reading import read
from hermetic.certstore.files import FileStore
from hermetic.errors import CertificateRejected
from tests.support.certificates import hierarchy
from tests.support.disks import Steps, TroubledDisk

PROJECT = Path(__file__).parents[2]
FIRST = hierarchy().issue("first.test")
STEPS_UNTIL_SWITCHED = 16
"""A folder, three files in three steps each, three to give them a number, three to switch."""
STEPS_OF_A_WRITE = STEPS_UNTIL_SWITCHED + 7
"""And one to make the switch durable, one for the link back, five for the oldest version."""
STEPS_OF_A_FIRST_WRITE = 4 + STEPS_UNTIL_SWITCHED
"""With the two folders of the entry, without a link back."""


class Nursery:
    """A process that makes writers, so that each can be killed; see `store_writer`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.store_writer", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
        )
        assert self._answer() == "ready"

    def _ask(self, command: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def killed_after(self, seconds: float, writer: str = "endless") -> int:
        """Kill a *writer* after *seconds*; return how many of its writes it had told of."""
        child = int(self._ask(writer))
        spin_until(time.monotonic() + seconds)
        os.kill(child, signal.SIGKILL)
        return self._told()

    def killed_at(self, step: int) -> int:
        """Let a writer be killed before the *step* of one write."""
        self._ask(f"step {step}")
        return self._told()

    def _told(self) -> int:
        status, told = self._answer().split()
        assert int(status) == -signal.SIGKILL
        return int(told)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def spin_until(moment: float) -> None:
    """Wait a time far below what a sleep can hit."""
    while time.monotonic() < moment:
        pass


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    nursery = Nursery(tmp_path / "certificates")
    yield nursery
    nursery.close()


def read_strictly(root: Path) -> Credential:
    """Read as the next process does, and accept no torn version, not even one made good."""
    with capture_logs() as events:
        found = FileStore(root).read("api")
    assert events == []
    return found


def kill_again_and_again(nursery: Nursery, times: int) -> None:
    chance = random.Random(150)
    store = FileStore(nursery.root)
    store.write("api", FIRST)
    told_in_all = 1
    for _ in range(times):
        told_in_all += nursery.killed_after(chance.uniform(0, 0.03))
        read_strictly(nursery.root)
        version = int((nursery.root / "api" / "current").resolve().name)
        assert version >= told_in_all
    store.write("api", FIRST)
    assert store.read("api").chain == FIRST.chain
    assert debris(nursery.root) == []


def debris(root: Path) -> list[str]:
    """Return what a writer left behind: what is hidden, and versions beyond three."""
    hidden = [path.name for path in root.rglob(".*")]
    versions = sorted(path.name for path in (root / "api" / "versions").iterdir())
    return hidden + versions[3:]


@pytest.mark.slow
def test_sixty_writers_killed_at_random_leave_no_torn_pair(nursery: Nursery) -> None:
    kill_again_and_again(nursery, 60)


def test_a_writer_that_writes_one_file_after_the_other_is_found_out(nursery: Nursery) -> None:
    FileStore(nursery.root).write("api", FIRST)
    chance = random.Random(98)
    torn = 0
    for _ in range(40):
        nursery.killed_after(chance.uniform(0.001, 0.004), "careless")
        torn += is_torn(nursery.root / "api" / "current")
    assert torn > 0


def is_torn(current: Path) -> bool:
    try:
        pair(read((current / "tls.key").read_bytes() + (current / "tls.crt").read_bytes()))
    except CertificateRejected:
        return True
    return False


@pytest.mark.slow
def test_a_thousand_writers_killed_at_random_leave_no_torn_pair(
    nursery: Nursery, show: Callable[[str], None]
) -> None:
    kill_again_and_again(nursery, 1000)
    show("1000 writers of a store killed at random: no pair torn, none lost")


def test_the_steps_are_all_there_are(tmp_path: Path) -> None:
    first, further = Steps(), Steps()
    FileStore(tmp_path / "certificates")
    FileStore(tmp_path / "certificates", disk=TroubledDisk(first)).write("api", FIRST)
    for _ in range(2):
        FileStore(tmp_path / "certificates").write("api", FIRST)
    FileStore(tmp_path / "certificates", disk=TroubledDisk(further)).write("api", FIRST)
    assert (len(first.taken), len(further.taken)) == (
        STEPS_OF_A_FIRST_WRITE,
        STEPS_OF_A_WRITE,
    )


def test_a_writer_killed_before_each_step_leaves_a_pair_and_no_debris(nursery: Nursery) -> None:
    store = FileStore(nursery.root)
    for _ in range(3):
        store.write("api", FIRST)
    for step in range(STEPS_OF_A_WRITE):
        assert nursery.killed_at(step) == 0
        found = read_strictly(nursery.root)
        assert (found.chain != FIRST.chain) == (step >= STEPS_UNTIL_SWITCHED)
        store.write("api", FIRST)
        assert read_strictly(nursery.root).chain == FIRST.chain
        assert debris(nursery.root) == []


def test_a_first_writer_killed_before_each_step_leaves_all_or_nothing(tmp_path: Path) -> None:
    nursery = Nursery(tmp_path / "certificates")
    for step in range(STEPS_OF_A_FIRST_WRITE):
        root = nursery.root
        FileStore(root)
        assert nursery.killed_at(step) == 0
        whole = FileStore(root).entries()
        assert whole in ((), ("api",))
        assert [FileStore(root).read(entry).chain.names for entry in whole] in (
            [],
            [("node-0.test",)],
        )
        FileStore(root).write("api", FIRST)
        assert read_strictly(root).chain == FIRST.chain
        assert [path for path in root.rglob(".*") if path.name != "."] == []
        root.rename(tmp_path / f"after-{step}")
    nursery.close()


PRIVATELY = ["unshare", "--mount", "--map-root-user"]
"""Runs a command where it may mount things that nobody else sees; root or not."""


def may_mount_privately() -> bool:
    return subprocess.run([*PRIVATELY, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_mount_privately(), reason="this kernel lets no one mount privately")
@pytest.mark.parametrize("what", [(), ("--inodes",)], ids=["pages", "files"])
def test_a_disk_that_is_really_full_keeps_the_old_pair(
    tmp_path: Path, what: tuple[str, ...]
) -> None:
    module = [sys.executable, "-m", "tests.support.full_disk", str(tmp_path), *what]
    ran = subprocess.run(
        [*PRIVATELY, *module], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    outcomes = [json.loads(line) for line in ran.stdout.splitlines()]
    *full, last = outcomes
    assert len(full) >= 3
    assert all(o["full"] and o["same files"] and o["right pair"] and o["next try"] for o in full)
    assert (last["full"], last["right pair"], last["next try"]) == (False, True, True)
