import os
import subprocess

from hermetic.node.process import identity_of


def test_a_process_is_the_same_for_as_long_as_it_runs_and_no_other_is() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as one:
        first = identity_of(one.pid)
        assert first is not None
        assert identity_of(one.pid) == first
        assert first not in {identity_of(os.getpid()), identity_of(1)}
        one.communicate()
    assert identity_of(one.pid) is None


def test_who_has_ended_and_was_not_buried_does_not_run() -> None:
    one = subprocess.Popen(["true"])
    os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
    assert identity_of(one.pid) is None
    one.wait()


def test_it_stays_through_another_program() -> None:
    shell = ["sh", "-c", "echo; read x; exec cat"]
    with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        one.stdout.readline()
        before = identity_of(one.pid)
        one.stdin.write(b"x\n\nhello\n")
        one.stdin.flush()
        assert one.stdout.readline() in {b"\n", b"hello\n"}
        assert identity_of(one.pid) == before
