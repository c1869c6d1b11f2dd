"""Sentences for calls that end without an answer."""

from pathlib import Path

import pytest

from hermetic.compute.endings import error, failure
from hermetic.compute.limits import Limits
from hermetic.compute.process import Owner, WorkerProcess
from hermetic.compute.roster import Ending, Fail
from hermetic.errors import (
    Busy,
    DeadlineExceeded,
    HermeticError,
    NoWorker,
    ServiceNotFound,
    Unavailable,
    WorkerDied,
)
from hermetic.serving.service import ServiceKey

KEY = ServiceKey("wine", "1.0")


class Nobody:
    def frame(self, worker: WorkerProcess, kind: int, id_: int, payload: bytes) -> None: ...
    def ended(self, worker: WorkerProcess) -> None: ...


def dead(status: int, words: bytes = b"") -> WorkerProcess:
    owner: Owner = Nobody()
    worker = WorkerProcess(1, Path("/srv/1"), owner, 10)
    worker.status = status
    worker.heard(words)
    return worker


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (Ending.DIED, WorkerDied),
        (Ending.DEADLINE, DeadlineExceeded),
        (Ending.BUSY, Busy),
        (Ending.UNLOADABLE, Unavailable),
        (Ending.UNAVAILABLE, NoWorker),
        (Ending.ABANDONED, Unavailable),
        (Ending.WITHDRAWN, ServiceNotFound),
    ],
)
def test_every_ending_has_its_error(ending: Ending, kind: type[HermeticError]) -> None:
    found = error(Fail(1, ending, 2.1), KEY, "why\nKeyError: 'x'", None, 60)
    assert type(found) is kind
    assert found.text.endswith((".", "'x'"))


def test_when_to_come_back_is_told_in_whole_seconds() -> None:
    found = error(Fail(1, Ending.BUSY, 2.1), KEY, "", None, 60)
    assert isinstance(found, Busy)
    assert found.retry_after_s == 3


@pytest.mark.parametrize(
    ("status", "words"),
    [(3, "ended with exit code 3"), (-9, "signal 9 (SIGKILL)"), (-64, "signal 64 (SIGRTMAX)")],
)
def test_a_death_tells_how_and_the_last_words(status: int, words: str) -> None:
    found = error(Fail(1, Ending.DIED), KEY, "", dead(status, b"one\ntwo\n"), 60)
    assert isinstance(found, WorkerDied)
    assert words in found.text
    assert found.text.endswith("Its last words: two")
    assert found.stderr == "one\ntwo"


def test_a_load_that_ended_otherwise_is_told_too() -> None:
    assert failure(None, Limits(load_s=5)) == "It did not load within 5 s."
    assert failure(dead(3, b"oh\n"), Limits()) == "oh\nIts worker ended with exit code 3."
