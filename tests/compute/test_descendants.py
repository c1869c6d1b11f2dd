"""Processes below processes."""

import os
import subprocess
import sys
from pathlib import Path

from hermetic.compute.descendants import (
    below,
    children,
    end_if_forked,
    kill,
    kill_tree,
    with_variable,
)

FAMILY = (
    "import subprocess, sys, time\n"
    "p = subprocess.Popen([sys.executable, '-c',"
    " 'import time; print(1, flush=True); time.sleep(60)'], stdout=subprocess.PIPE)\n"
    "p.stdout.readline()\nprint(p.pid, flush=True)\ntime.sleep(60)"
)


def test_a_tree_is_seen_and_killed_whole() -> None:
    with subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.pid in children(os.getpid())
        assert below(parent.pid) == {child}
        kill_tree(parent.pid)
    assert not below(parent.pid)
    assert parent.returncode == -9


def test_a_process_that_is_gone_has_no_children_and_is_killed_without_complaint() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert children(gone.pid) == set()
    kill_tree(gone.pid)


def test_a_process_that_did_not_fork_goes_on() -> None:
    end_if_forked(os.getpid(), 1)
    pid = os.fork()
    if not pid:
        end_if_forked(os.getppid(), 7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_processes_are_found_by_what_they_were_started_with(tmp_path: Path) -> None:
    command, found = ["sleep", "60"], f"HOME={tmp_path}/"
    with (
        subprocess.Popen(command, env={"A": "1", "HOME": f"{tmp_path}/1/home"}) as ours,
        subprocess.Popen(command, env={"HOME": f"{tmp_path}-other", "OLDHOME": found}) as other,
    ):
        assert with_variable(found) == {ours.pid}
        kill({ours.pid})
        assert ours.wait(10) == -9
        assert other.poll() is None
        other.kill()
