"""Main of a worker: `python -I -B -m hermetic.compute.worker FD PARENT`.

A worker is a process that answers frames on an inherited socket, one at a time, in a blocking
loop.  It loads at most one service, once, after giving up every right it does not need, and
never another.  Standard library only, until that service's own imports.
"""

import _thread
import base64
import gc
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

from hermetic.compute import confine, frames
from hermetic.compute.binding import Inputs
from hermetic.compute.border import Raised, attempt
from hermetic.compute.capture import Capture
from hermetic.compute.descendants import children, end_if_forked, reap
from hermetic.compute.encoding import Foreign, Outputs, to_json
from hermetic.compute.entry_script import EntryScript, failed, prepare
from hermetic.compute.folder import CallFolder
from hermetic.compute.interpreter import Interpreter
from hermetic.compute.programs import Code, Function, Program, function_of, load_script
from hermetic.errors import HermeticError, MalformedBody
from hermetic.serving.exchange import HttpRequest

_PID = os.getpid()
_BLOCK = 1 << 16
_FAILED = '{"success":false,"errorMessage":%s,"outputParameters":{},"outputFiles":{},"consoleOutput":%s,"changedFiles":[]}'
_quote = json.JSONEncoder().encode


class Connection:
    """The worker's end of the socket to its node, blocking."""

    def __init__(self, fd: int, most: int) -> None:
        # Programs that the service starts must not inherit it.
        os.set_inheritable(fd, False)
        os.register_at_fork(after_in_child=self._let_go)
        self._fd = fd
        self._reader = frames.FrameReader(most)

    def send(self, kind: int, id_: int, payload: bytes) -> None:
        """Send one frame; a node that is gone ends the process."""
        data = memoryview(frames.frame(kind, id_, payload))
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            os._exit(0)

    def go_on_as(self, python: str, parent: int, id_: int, order: dict[str, Any]) -> NoReturn:
        """Become the interpreter *python*, on this same connection, and obey *order* there."""
        memory = os.memfd_create("order", 0)
        os.write(memory, json.dumps([id_, order]).encode())
        os.set_inheritable(self._fd, True)
        arguments = [str(number) for number in (self._fd, parent, memory)]
        os.execv(python, [python, "-I", "-B", "-m", "hermetic.compute.worker", *arguments])  # noqa: S606

    def _let_go(self) -> None:
        """Close the connection in a fork, once: a fork of the fork may use the number otherwise."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def serve(self, handle: Callable[[int, int, bytes], None]) -> None:
        """Hand every frame that comes to *handle*, until the node closes its end."""
        while True:
            try:
                data = os.read(self._fd, _BLOCK)
            except OSError:
                return
            if not data:
                return
            for kind, id_, payload in self._reader.feed(data):
                handle(kind, id_, payload)


class Served:
    """A loaded service: answers its calls."""

    def __init__(self, order: dict[str, Any], connection: Connection, capture: Capture) -> None:
        self._connection, self._capture = connection, capture
        self._names: list[str] = order["files"]
        self._most: int = order["answer"]
        self._inputs = Inputs(order["inputs"], old_matrix=order["kind"] == "code")
        self._outputs = Outputs(order["outputs"])
        self._folder = CallFolder(order["folder"], _own_files(order))
        self._folder.enter()
        self._program = _load(order)
        self.console = capture.take()
        if isinstance(self._program, Code):
            # The protocol runs the init code before each call; its output is part of each answer.
            self._prefix = self.console
            self._folder.adopt(f"{os.path.dirname(order['folder'])}/start")
        else:
            self._prefix = ""
        os.chdir(order["folder"])
        self._last = not self._folder.reset()
        self._threads = _thread._count()
        self._children = children(_PID)
        # What is loaded stays: the collector need not look at it again at every turn.
        gc.collect()
        gc.freeze()

    def call(self, id_: int, body: bytes) -> None:
        """Answer one call."""
        began = time.perf_counter()
        sys.stdout = self._capture
        try:
            program = self._program
            if isinstance(program, EntryScript):
                answer = self._responded(program, HttpRequest.unpacked(body))
            else:
                answer = self._run(program, {} if program.raw else self._read(body), body)
        except HermeticError as error:
            self._connection.send(frames.ERROR, id_, error_json(error))
            return
        self._capture.take()
        program.end()
        self._clear_up()
        kind = frames.LAST_RESULT if self._last else frames.RESULT
        taken = time.perf_counter() - began
        self._connection.send(kind, id_, frames.timed(taken, answer))

    def _run(self, program: Program, inputs: dict[str, Foreign], body: bytes) -> bytes:
        answer = attempt(
            lambda: self._answer(program.run_raw(body) if program.raw else program.run(inputs)),
            _PID,
        )
        if isinstance(answer, Raised):
            self._last |= answer.wanted_memory
            answer = _FAILED % (_quote(answer.text), _quote(self._prefix + self._capture.take()))
        return answer.encode()

    def _responded(self, program: EntryScript, request: HttpRequest) -> bytes:
        response = attempt(lambda: program.respond(request), _PID)
        console = self._capture.take()
        if isinstance(response, Raised):
            self._last |= response.wanted_memory
            return failed(response, console).packed()
        if len(response.body) > self._most:
            raise HermeticError(
                f"The answer is {len(response.body)} bytes long, and {self._most} are allowed."
            )
        return replace(response, console=console).packed()

    def _read(self, body: bytes) -> dict[str, Foreign]:
        try:
            return self._inputs.read(body)
        except HermeticError:
            raise
        except Exception as error:  # libraries fail at odd inputs in odd ways
            raise MalformedBody(
                f"The inputs cannot be read: {type(error).__name__}: {error}."
            ) from error

    def _answer(self, values: dict[str, Foreign]) -> str:
        names = self._outputs.names
        written = self._outputs.write(values) if names else _undeclared(self._program, values)
        outputs = to_json(written)
        end_if_forked(_PID, 0)
        changed, files = self._folder.changed(), "{}"
        if self._names:
            read = self._folder.read(self._names, self._most * 3 // 4)
            files = _quote(
                {
                    name: None if data is None else base64.b64encode(data).decode()
                    for name, data in read.items()
                }
            )
        console = self._prefix + self._capture.take()
        answer = (
            f'{{"success":true,"errorMessage":"","outputParameters":{outputs},"outputFiles":{files},'
            f'"consoleOutput":{_quote(console) if console else _EMPTY},'
            f'"changedFiles":{_quote(changed) if changed else "[]"}}}'
        )
        if len(answer) > self._most:
            raise HermeticError(
                f"The answer is {len(answer)} bytes long, and {self._most} are allowed."
            )
        return answer

    def _clear_up(self) -> None:
        """Leave the worker as the next call should find it, or let this have been the last."""
        alone = _thread._count() <= self._threads
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            pass
        else:
            alone = False
            self._last |= not reap(self._children)
        if not self._folder.reset(quiet=alone):
            self._last = True
        if self._program.stateless and _thread._count() > self._threads:
            self._last = True


_EMPTY = '""'


def error_json(error: HermeticError) -> bytes:
    """Return what the node needs to raise *error* again."""
    return json.dumps({"type": error.type, "text": error.text, **error.members}).encode()


def main() -> NoReturn:
    """Serve the socket named on the command line until the node closes it or ends."""
    fd, parent = int(sys.argv[1]), int(sys.argv[2])
    confine.end_with(parent)
    confine.adopt_orphans()
    confine.give_way()
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(fd, 1 << 30)
    worker = _Worker(connection, parent)
    if len(sys.argv) > 3:
        with open(int(sys.argv[3]), "rb") as memory:
            memory.seek(0)
            id_, order = json.load(memory)
        worker.become(id_, order)
    else:
        connection.send(frames.READY, 0, json.dumps({"python": sys.version.split()[0]}).encode())
    connection.serve(worker.handle)
    os._exit(0)


class _Worker:
    def __init__(self, connection: Connection, parent: int) -> None:
        self._connection, self._parent = connection, parent
        self._call: Callable[[int, bytes], None] = self._too_early
        self._interpreter: Interpreter | None = None

    def handle(self, kind: int, id_: int, payload: bytes) -> None:
        if kind == frames.CALL:
            self._call(id_, payload)
        elif kind == frames.PING:
            self._connection.send(frames.PONG, id_, to_json(json.loads(payload)).encode())
        elif kind == frames.LOAD:
            self.become(id_, json.loads(payload))
        elif self._interpreter is not None:
            self._interpreter.handle(kind, id_, payload)

    def become(self, id_: int, order: dict[str, Any]) -> None:
        """Load what *order* says, as another interpreter if it names one."""
        python = order.get("python")
        if python and os.path.dirname(python) != os.path.dirname(sys.executable):
            self._connection.go_on_as(python, self._parent, id_, order)
        self._load(id_, order)

    def _load(self, id_: int, order: dict[str, Any]) -> None:
        capture = Capture(order["console"])
        began = time.perf_counter()
        told = attempt(lambda: self._take_up(order, capture), _PID)
        if isinstance(told, Raised):
            reason = {"text": told.text, "console": capture.take()}
            self._connection.send(frames.UNLOADABLE, id_, json.dumps(reason).encode())
            return
        answer = {**told, "seconds": time.perf_counter() - began}
        self._connection.send(frames.LOADED, id_, json.dumps(answer).encode())

    def _take_up(self, order: dict[str, Any], capture: Capture) -> dict[str, object]:
        """Become what *order* says, for good; return what the node wants to know of it."""
        words = self._confine(order)
        sys.stdout = capture
        if order["kind"] == "session":
            self._interpreter = Interpreter(order, self._connection.send)
            return {"console": "", "confinement": words}
        served = Served(order, self._connection, capture)
        self._call = served.call
        return {"console": served.console, "confinement": words}

    def _confine(self, order: dict[str, Any]) -> tuple[str, ...]:
        words = confine.confine(
            confine.Bounds(*order["bounds"]),
            confine.Reach(tuple(order["own"]), tuple(order["readable"]), order["hidden"]),
            uid=order["uid"],
        )
        # The kernel forgets it when a process changes its user or its capabilities.
        confine.end_with(self._parent)
        return words

    @staticmethod
    def _too_early(id_: int, body: bytes) -> None:
        os._exit(70)


def _load(order: dict[str, Any]) -> Program | EntryScript:
    bundle = order["bundle"]
    if order["kind"] == "code":
        if bundle is not None:
            sys.path.insert(0, f"{bundle}/files")
        return Code(order["code"], order["init_code"], bundle and f"{bundle}/workspace")
    if bundle is None:
        raise HermeticError("The service names a file to begin with, and has no bundle.")
    files = f"{bundle}/files"
    os.environ["AZUREML_MODEL_DIR"] = os.environ["HERMETIC_MODEL_DIR"] = files
    sys.path.insert(0, files)
    # A script reads its model by a relative path as often as by the variable.
    os.chdir(files)
    path = f"{files}/{order['target']}"
    if order["kind"] in {"script", "request"}:
        sys.path.insert(0, os.path.dirname(path))
    if order["kind"] == "request":
        prepare(files, order["variables"])
        return EntryScript(path)
    if order["kind"] == "script":
        function = function_of(load_script(path), "run")
    else:
        name, _, attribute = order["target"].partition(":")
        function = function_of(_imported(name), attribute)
    outputs = tuple(name for name, _ in order["outputs"])
    return Function(function, inputs=len(order["inputs"]), outputs=outputs)


def _imported(name: str) -> Any:  # noqa: ANN401  # a module
    __import__(name)
    return sys.modules[name]


def _own_files(order: dict[str, Any]) -> str | None:
    """Return the folder whose files every call finds in its own, if the protocol wants that."""
    if order["kind"] != "code" or order["bundle"] is None:
        return None
    return f"{order['bundle']}/files"


def _undeclared(program: Program | EntryScript, values: dict[str, Foreign]) -> dict[str, Foreign]:
    return {} if isinstance(program, Code) else values


if __name__ == "__main__":
    main()
