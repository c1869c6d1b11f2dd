import os
import signal
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from hermetic.cli.local_nodes import LocalNode, beside, nodes, unit_of
from hermetic.config.home import Home, write_record
from hermetic.errors import Unavailable
from hermetic.node.process import identity_of
from hermetic.node.units import Unit
from tests.support.product import environment


def recorded(home: Home, pid: int, process: str | None) -> LocalNode:
    record = {"url": "https://localhost:1", "ca": None, "pid": pid, "process": process}
    write_record(home.running, record)
    return LocalNode("onebox", home)


def test_a_record_counts_as_long_as_its_process_lives(home: Home) -> None:
    me = os.getpid()
    assert recorded(home, me, identity_of(me)).described()["running"] is True
    ended = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    process = identity_of(ended.pid)
    ended.communicate()
    gone = recorded(home, ended.pid, process)
    assert (gone.pid, gone.described()["url"]) == (None, "")
    gone.stop()


@pytest.mark.parametrize("process", [None, "an-earlier-boot:1:2"])
def test_whoever_got_the_number_of_a_killed_node_is_left_alone(
    home: Home, process: str | None
) -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as stranger:
        killed = recorded(home, stranger.pid, process)
        assert killed.described()["running"] is False
        killed.stop()
        assert stranger.poll() is None
        stranger.communicate()
    assert stranger.returncode == 0


def test_a_node_is_told_to_end_and_awaited(home: Home) -> None:
    running = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    recorded(home, running.pid, identity_of(running.pid)).stop()
    running.communicate()
    assert running.returncode == -signal.SIGTERM


@pytest.mark.slow
def test_what_was_meant_for_the_command_is_not_handed_to_the_node(home: Home) -> None:
    started = (
        "from pathlib import Path; from hermetic.cli.local_nodes import LocalNode;"
        f" from hermetic.config.home import Home; LocalNode('onebox', Home(Path({str(home.root)!r}))).start()"
    )
    port, plain = "HERMETIC__Kestrel__Port", "HERMETIC__Kestrel__HttpsEnabled"
    variables = environment(HERMETIC_TOKEN="secret-token", **{port: "0", plain: "false"})
    subprocess.run([sys.executable, "-c", started], env=variables, check=True)
    node = LocalNode("onebox", home)
    try:
        assert node.pid is not None
        handed = Path(f"/proc/{node.pid}/environ").read_bytes()
        assert b"secret-token" not in handed
        assert b"HERMETIC__Kestrel__Port=0" in handed
    finally:
        node.stop()
    assert node.pid is None


@pytest.mark.parametrize(("other", "is_used"), [("", True), ("-other", False)])
def test_a_unit_counts_only_for_the_home_that_it_runs(
    home: Home, tmp_path: Path, other: str, *, is_used: bool
) -> None:
    unit = Unit(
        role="web",
        command=("/usr/bin/hermetic",),
        account="hermetic",
        home=PurePosixPath(f"{home.root}{other}"),
        settings=None,
        port=12800,
        stop_s=1,
    )
    (tmp_path / unit.name).write_text(unit.text())
    assert unit_of("webnode", home, tmp_path) == (unit.name if is_used else None)
    assert unit_of("computenode", home, tmp_path) is None


def test_nodes_are_those_that_were_set_up(home: Home) -> None:
    assert nodes(home, "onebox") == []
    home.settings.touch()
    other = beside(home)
    other.create()
    assert [one.kind for one in nodes(home, "webnode")] == ["webnode"]
    other.settings.touch()
    assert [one.kind for one in nodes(home, "webnode")] == ["webnode", "computenode"]


@pytest.mark.slow
def test_a_node_that_does_not_start_says_why(home: Home) -> None:
    home.settings.write_text('{"Kestrel": {"Prt": 1}}')
    with pytest.raises(Unavailable, match="Prt"):
        LocalNode("onebox", home).start()
