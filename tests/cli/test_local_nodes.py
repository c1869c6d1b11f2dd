import os
import subprocess

import pytest

from hermetic.cli.local_nodes import LocalNode, beside, nodes
from hermetic.config.home import Home, write_record
from hermetic.errors import Unavailable


def recorded(home: Home, pid: int) -> LocalNode:
    write_record(home.running, {"url": "https://localhost:1", "ca": None, "pid": pid})
    return LocalNode("onebox", home)


def test_a_record_counts_as_long_as_its_process_lives(home: Home) -> None:
    assert recorded(home, os.getpid()).described()["running"] is True
    ended = subprocess.Popen(["true"])
    ended.wait()
    gone = recorded(home, ended.pid)
    assert (gone.pid, gone.described()["url"]) == (None, "")
    gone.stop()


def test_nodes_are_those_that_were_set_up(home: Home) -> None:
    assert nodes(home, "onebox") == []
    home.settings.touch()
    other = beside(home)
    other.create()
    assert [one.kind for one in nodes(home, "webnode")] == ["webnode"]
    other.settings.touch()
    assert [one.kind for one in nodes(home, "webnode")] == ["webnode", "computenode"]


def test_a_node_that_does_not_start_says_why(home: Home) -> None:
    home.settings.write_text('{"Kestrel": {"Prt": 1}}')
    with pytest.raises(Unavailable, match="Prt"):
        LocalNode("onebox", home).start()
