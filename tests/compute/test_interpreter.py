"""A session's interpreter, without a process around it."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dill
import pytest

from hermetic.compute import frames
from hermetic.compute.interpreter import Console, Interpreter


class Rig:
    """An interpreter, and what it sent."""

    def __init__(self, folder: Path) -> None:
        self.sent: list[tuple[int, int, bytes]] = []
        order = {"console": 1000, "answer": 1000, "folder": str(folder), "workspace": str(folder)}
        self.interpreter = Interpreter(order, lambda *frame: self.sent.append(frame))

    def ask(self, kind: int, payload: bytes) -> tuple[int, bytes]:
        self.interpreter.handle(kind, 9, payload)
        found, id_, answer = self.sent[-1]
        assert id_ == 9
        return found, answer

    def execute(self, code: str, *outputs: str) -> dict[str, Any]:
        order = {"code": code, "inputs": {}, "outputs": outputs}
        kind, answer = self.ask(frames.EXECUTE, json.dumps(order).encode())
        assert kind == frames.VALUE
        found: dict[str, Any] = json.loads(answer)
        return found


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    handler = signal.getsignal(signal.SIGINT)
    yield Rig(tmp_path)
    signal.signal(signal.SIGINT, handler)


def test_names_stay_between_executions(rig: Rig) -> None:
    rig.execute("x = 1")
    assert rig.execute("x += 1", "x")["outputParameters"] == [{"name": "x", "value": 2}]


def test_objects_are_set_read_listed_and_deleted(rig: Rig) -> None:
    assert rig.ask(frames.WRITE, b"o\0" + dill.dumps([1]))[0] == frames.VALUE
    assert json.loads(rig.ask(frames.LIST, b"\0")[1]) == ["o"]
    assert dill.loads(rig.ask(frames.READ, b"o\0")[1]) == [1]
    assert rig.ask(frames.DELETE, b"o\0")[0] == frames.VALUE
    assert json.loads(rig.ask(frames.LIST, b"\0")[1]) == []


def test_modules_are_no_objects(rig: Rig) -> None:
    rig.execute("import json")
    assert json.loads(rig.ask(frames.LIST, b"\0")[1]) == []
    assert rig.ask(frames.READ, b"json\0")[0] == frames.ERROR


@pytest.mark.parametrize(
    ("kind", "payload", "type_"),
    [
        (frames.READ, b"none\0", "not-found"),
        (frames.DELETE, b"none\0", "not-found"),
        (frames.WRITE, b"o\0junk", "bad-input"),
        (frames.READ, b"g\0", "bad-input"),
        (frames.READ, b"big\0", "bad-input"),
    ],
)
def test_what_cannot_be_done_is_told(rig: Rig, kind: int, payload: bytes, type_: str) -> None:
    rig.execute("g = (i for i in ())\nbig = 'x' * 5000")
    found, answer = rig.ask(kind, payload)
    assert found == frames.ERROR
    assert json.loads(answer)["type"] == type_


def test_outputs_that_are_too_long_are_refused(rig: Rig) -> None:
    assert "1000 are allowed" in rig.execute("big = 'x' * 5000", "big")["errorMessage"]


def test_an_interrupt_ends_only_what_runs(rig: Rig) -> None:
    signal.raise_signal(signal.SIGINT)
    found = rig.execute("import signal\nsignal.raise_signal(signal.SIGINT)\nx = 1")
    assert "KeyboardInterrupt" in found["errorMessage"]
    assert not rig.execute("", "x")["success"]


def test_the_console_is_told_while_it_is_written() -> None:
    sent: list[bytes] = []
    console = Console(100, lambda kind, id_, payload: sent.append(payload))
    console.write("one")
    console.write("two")
    assert sent == [b"one"]
    assert console.take() == "onetwo"
