"""A session's interpreter, inside its worker: executes code, keeps objects, can be interrupted.

Standard library only, until the session's own imports; dill when an object comes or goes.
"""

import _thread
import importlib
import json
import os
import signal
import sys
import time
import types
from collections.abc import Callable
from typing import Any

from hermetic.compute import frames
from hermetic.compute.border import Raised, attempt
from hermetic.compute.capture import Capture
from hermetic.compute.encoding import Foreign, to_json
from hermetic.compute.folder import prints
from hermetic.compute.programs import compiled, load_objects
from hermetic.errors import BadInput, HermeticError, NotFound

Send = Callable[[int, int, bytes], None]

_CONSOLE_S = 0.1
_quote = json.JSONEncoder().encode


class Console(Capture):
    """The console of a session: also tells the node, now and then, what was written so far."""

    def __init__(self, most: int, send: Send) -> None:
        super().__init__(most)
        self._send, self._sent = send, 0.0
        self._thread = _thread.get_ident()

    def write(self, text: str, /) -> int:
        """Keep *text*, and send all that is kept if that was not done for a while."""
        length = super().write(text)
        now = time.monotonic()
        # Frames of two threads would be mixed up.
        if now - self._sent > _CONSOLE_S and _thread.get_ident() == self._thread:
            self._sent = now
            self._send(frames.CONSOLE, 0, self.peek().encode("utf-8", "replace"))
        return length


class Interpreter:
    """One namespace that lives as long as the session."""

    def __init__(self, order: dict[str, Any], send: Send) -> None:
        self._pid = os.getpid()
        self._send_now = send
        self._console = Console(order["console"], self._send)
        self._files: str = order["folder"]
        self._most: int = order["answer"]
        self._running = self._sending = self._interrupted = False
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        self._namespace = main.__dict__
        self._count = 0
        sys.stdout = self._console
        sys.path.insert(0, self._files)
        os.chdir(self._files)
        self._namespace.update(load_objects(order["workspace"]))
        signal.signal(signal.SIGINT, self._interrupt)

    def handle(self, kind: int, id_: int, payload: bytes) -> None:
        """Answer one frame."""
        if kind == frames.EXECUTE:
            self._send(frames.VALUE, id_, self._execute(json.loads(payload)))
            return
        try:
            value = self._object(kind, payload)
        except HermeticError as error:
            told = {"type": error.type, "text": error.text}
            self._send(frames.ERROR, id_, json.dumps(told).encode())
        else:
            self._send(frames.VALUE, id_, value)

    def _interrupt(self, number: int, frame: types.FrameType | None) -> None:
        # Half a frame must never be sent: an interrupt that comes meanwhile waits for its end.
        if self._sending:
            self._interrupted = True
        elif self._running:
            raise KeyboardInterrupt

    def _send(self, kind: int, id_: int, payload: bytes) -> None:
        self._sending = True
        try:
            self._send_now(kind, id_, payload)
        finally:
            self._sending = False
        if self._interrupted:
            self._interrupted = False
            if self._running:
                raise KeyboardInterrupt

    def _execute(self, order: dict[str, Any]) -> bytes:
        before = prints(self._files)
        self._count += 1
        sys.stdout = self._console
        ran = attempt(lambda: self._run(order), self._pid)
        failure, outputs = (ran.text, "[]") if isinstance(ran, Raised) else ("", ran)
        after = prints(self._files)
        changed = sorted(path for path, what in after.items() if before.get(path) != what)
        return (
            f'{{"success":{"false" if failure else "true"},"errorMessage":{_quote(failure)},'
            f'"outputParameters":{outputs},"consoleOutput":{_quote(self._console.take())},'
            f'"changedFiles":{_quote(changed[:1000])}}}'
        ).encode()

    def _run(self, order: dict[str, Any]) -> str:
        try:
            code = compiled(order["code"], f"<execution {self._count}>")
            self._namespace.update(order["inputs"])
            self._running = True
            exec(code, self._namespace)  # noqa: S102  # what a session is for
        finally:
            self._running = False
        return self._outputs(order["outputs"])

    def _outputs(self, names: list[str]) -> str:
        missing = [name for name in names if name not in self._namespace]
        if missing:
            raise HermeticError(f"The code did not set {', '.join(missing)}.")
        text = to_json([{"name": name, "value": self._namespace[name]} for name in names])
        if len(text) > self._most:
            raise HermeticError(
                f"The outputs are {len(text)} bytes long, and {self._most} are allowed."
            )
        return text

    def _object(self, kind: int, payload: bytes) -> bytes:
        if kind == frames.LIST:
            return json.dumps(sorted(filter(self._is_object, self._namespace))).encode()
        text, _, data = payload.partition(b"\0")
        name = text.decode()
        if kind == frames.WRITE:
            self._namespace[name] = _loaded(name, data)
            return b""
        if name not in self._namespace or not self._is_object(name):
            raise NotFound(f"There is no object {name!r} in the session.")
        if kind == frames.READ:
            return _dumped(name, self._namespace[name], self._most)
        del self._namespace[name]
        return b""

    def _is_object(self, name: str) -> bool:
        return not name.startswith("__") and not isinstance(self._namespace[name], types.ModuleType)


def _loaded(name: str, data: bytes) -> Foreign:
    try:
        return importlib.import_module("dill").loads(data)
    except Exception as error:  # a pickle runs foreign code: the border of the worker's call
        raise BadInput(
            f"The object {name!r} cannot be read: {type(error).__name__}: {error}"
        ) from error


def _dumped(name: str, value: Foreign, most: int) -> bytes:
    try:
        data = bytes(importlib.import_module("dill").dumps(value, recurse=True))
    except Exception as error:  # pickling runs foreign code: the border of the worker's call
        raise BadInput(
            f"The object {name!r} cannot be pickled: {type(error).__name__}: {error}"
        ) from error
    if len(data) > most:
        raise BadInput(f"The object {name!r} is {len(data)} bytes long, and {most} are allowed.")
    return data
