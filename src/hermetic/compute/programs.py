"""What a worker runs: the three ways in which a service says where a call begins.

Runs in a worker: standard library only, until the service's own imports.  A program is loaded
once and called many times.  What its calls may see of each other differs: the calls of `Code`
start from the same state every time, the module of `Function` keeps what it keeps.
"""

import importlib
import importlib.util
import inspect
import linecache
import os
import sys
import types
from collections.abc import Callable, Mapping
from typing import Protocol

from hermetic.compute.encoding import Foreign
from hermetic.errors import HermeticError, MalformedBody

_COPIED_ARRAY = 1 << 20
_ATOMS = (type(None), bool, int, float, complex, str, bytes, range)


class Program(Protocol):
    """A service's code, loaded."""

    raw: bool
    """Whether calls are given the text of their body instead of inputs."""

    stateless: bool
    """Whether a call must leave nothing behind, threads included."""

    def run(self, inputs: Mapping[str, Foreign]) -> dict[str, Foreign]:
        """Run one call and return, among other things maybe, the outputs by name."""

    def run_raw(self, body: bytes) -> dict[str, Foreign]:
        """Run one call of a program that wants the body."""

    def end(self) -> None:
        """Let go of what the last call made."""


class Code:
    """ML Server's way: source text run in a namespace that holds objects and inputs."""

    raw, stateless = False, True

    def __init__(self, code: str, init_code: str | None, workspace: str | None) -> None:
        main = types.ModuleType("__main__")
        # Objects that were pickled in a __main__ look for one here; ours would be the worker.
        sys.modules["__main__"] = main
        self._start = main.__dict__
        self._namespace: dict[str, Foreign] = {}
        if workspace is not None and os.path.isdir(workspace):
            self._start.update(load_objects(workspace))
        if init_code:
            exec(compiled(init_code, "<init code>"), self._start)  # noqa: S102  # what it is for
        self._code = compiled(code, "<code>")
        self._containers = [
            name
            for name, value in self._start.items()
            if _is_container(value) and name != "__builtins__"
        ]
        self._functions = [
            name
            for name, value in self._start.items()
            if type(value) is types.FunctionType and value.__globals__ is self._start
        ]

    def run(self, inputs: Mapping[str, Foreign]) -> dict[str, Foreign]:
        """Run the code on a copy of the namespace: see `copied` for what is copied."""
        start = self._start
        self._namespace = namespace = dict(start)
        if self._containers:
            seen: dict[int, Foreign] = {}
            for name in self._containers:
                namespace[name] = copied(start[name], seen)
        for name in self._functions:
            namespace[name] = _in_namespace(start[name], namespace)
        namespace.update(inputs)
        exec(self._code, namespace)  # noqa: S102  # what it is for
        return namespace

    def run_raw(self, body: bytes) -> dict[str, Foreign]:
        """Never used: code has no parameters."""
        raise NotImplementedError

    def end(self) -> None:
        """Take the namespace apart: its functions and it refer to each other."""
        self._namespace.clear()


class Function:
    """A function of a module: `run` of a script, or any by its name.

    The module stays loaded, with all it keeps, for as long as the worker lives.
    """

    stateless = False

    def __init__(
        self, function: Callable[..., Foreign], *, inputs: int, outputs: tuple[str, ...]
    ) -> None:
        self._function = function
        self._outputs = outputs
        self.raw = inputs == 0 and _wants_argument(function)

    def run(self, inputs: Mapping[str, Foreign]) -> dict[str, Foreign]:
        """Call the function with the inputs by name."""
        return self._bound(self._function(**inputs))

    def run_raw(self, body: bytes) -> dict[str, Foreign]:
        """Call the function with the text of the body, as Azure ML does."""
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise MalformedBody(f"The body is not UTF-8 at byte {error.start + 1}.") from None
        return self._bound(self._function(text))

    def end(self) -> None:
        """Nothing to let go of."""

    def _bound(self, value: Foreign) -> dict[str, Foreign]:
        if inspect.iscoroutine(value):
            value = importlib.import_module("asyncio").run(value)
        names = self._outputs
        if len(names) == 1:
            return {names[0]: value}
        if not names:
            return {} if value is None else {"result": value}
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, (tuple, list)) and len(value) == len(names):
            return dict(zip(names, value, strict=True))
        raise HermeticError(
            f"The function must return a dict of {', '.join(names)}, or as many values in that"
            f" order; it returned a value of type {type(value).__name__}."
        )


def load_script(path: str) -> types.ModuleType:
    """Run the file at *path* as a module, then its `init()` if it has one.

    The module also stands in for `__main__`: a model that was pickled in a training script names
    its classes so.
    """
    stem = os.path.splitext(os.path.basename(path))[0]
    name = stem if stem not in sys.modules else f"{stem}_of_the_service"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise HermeticError(f"The entry script {os.path.basename(path)!r} is no Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = sys.modules["__main__"] = module
    spec.loader.exec_module(module)
    init = getattr(module, "init", None)
    if callable(init):
        init()
    return module


def function_of(module: types.ModuleType, path: str) -> Callable[..., Foreign]:
    """Return the function at the dotted *path* in *module*, or raise `HermeticError`."""
    found: Foreign = module
    for name in path.split("."):
        found = getattr(found, name, None)
    if not callable(found):
        raise HermeticError(f"There is no function {path!r} in the module {module.__name__!r}.")
    return found  # type: ignore[no-any-return]  # whatever can be called


def load_objects(folder: str) -> dict[str, Foreign]:
    """Return what dill reads from each file of *folder*, by the file's name."""
    names = sorted(name for name in os.listdir(folder) if name.isidentifier())
    if not names:
        return {}
    dill = importlib.import_module("dill")
    objects = {}
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            try:
                objects[name] = dill.load(file)
            except MemoryError:
                raise
            except Exception as error:  # a pickle runs code of the service: the worker's border
                raise HermeticError(
                    f"The object {name!r} cannot be read: {type(error).__name__}: {error}"
                ) from error
    return objects


def compiled(source: str, name: str) -> types.CodeType:
    """Compile *source* under *name*, so that tracebacks can quote its lines."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    return compile(source, name, "exec")


def copied(value: Foreign, seen: dict[int, Foreign]) -> Foreign:
    """Return *value* with every plain container in it copied: list, dict, set, bytearray, array.

    Other objects, such as models, and arrays above a mebibyte are shared: a copy of them at each
    call would cost more than the call.  *seen* keeps what is shared among containers shared.
    """
    kind = type(value)
    if kind in _ATOMS:
        return value
    if id(value) in seen:
        return seen[id(value)]
    if kind is list:
        seen[id(value)] = new = []
        new += [copied(one, seen) for one in value]
        return new
    if kind is dict:
        seen[id(value)] = entries = {}
        for key, one in value.items():
            entries[key] = copied(one, seen)
        return entries
    if kind is tuple:
        return tuple(copied(one, seen) for one in value)
    if kind in (set, bytearray) or _is_small_array(value):
        seen[id(value)] = same = value.copy()
        return same
    return value


def _is_container(value: Foreign) -> bool:
    return type(value) in (list, dict, set, tuple, bytearray) or _is_array(value)


def _is_small_array(value: Foreign) -> bool:
    return _is_array(value) and value.nbytes <= _COPIED_ARRAY and not value.dtype.hasobject


def _is_array(value: Foreign) -> bool:
    return type(value).__name__ == "ndarray" and hasattr(value, "nbytes")


def _in_namespace(function: types.FunctionType, namespace: dict[str, Foreign]) -> Foreign:
    """Return *function* with another global namespace, else `global x` would reach across calls."""
    new = types.FunctionType(
        function.__code__,
        namespace,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    new.__kwdefaults__ = function.__kwdefaults__
    new.__dict__.update(function.__dict__)
    return new


def _wants_argument(function: Callable[..., Foreign]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(
        one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        for one in parameters
    )
