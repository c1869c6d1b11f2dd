"""Azure ML's entry script, run as its inference server runs it: a request in, a response out.

Runs in a worker: standard library only, until the script's own imports.  `run` is called in one of
three ways: with the text of the body, with values by name where `inference-schema` decorates it,
or with the request itself where `@rawhttp` does.
"""

import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from traceback import walk_tb
from types import TracebackType
from urllib.parse import parse_qs

from hermetic.compute import aml_services
from hermetic.compute.border import Raised
from hermetic.compute.encoding import Foreign
from hermetic.compute.programs import function_of, load_script
from hermetic.errors import HermeticError
from hermetic.serving.exchange import HttpRequest, HttpResponse

_HEADERS = "request_headers"
_JSON = (("content-type", "application/json"),)
_SWAGGER = "/swagger.json"
_DESCRIPTIONS = (("swagger.json", "2"), ("swagger2.json", "2"), ("swagger3.json", "3"))
# Where `inference-schema` converts an input, in every version there was, own types among them.
_CONVERTING = ("inference_schema.schema_decorators", "_deserialize_input_argument")
# What is no fault of an input, even while it is converted.
_OUR_OWN = (MemoryError, ImportError, OSError)
_LONGEST = 300  # characters of what the caller is told of an input


class _Refused(Exception):  # never leaves this module: a status, and what is wrong with the input
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class EntryScript:
    """A loaded entry script: answers requests.

    The module stays loaded, with all it keeps, for as long as the worker lives.
    """

    stateless = False

    def __init__(self, path: str) -> None:
        """Load the file at *path* and run its `init()`.

        Raises:
            HermeticError: It has no `run`, or one that cannot be called.
        """
        aml_services.offer()
        self._folder = os.environ["AML_APP_ROOT"]
        self._run = function_of(load_script(path), "run")
        self._names = _parameters(self._run)
        self._schema = _schema_of(self._run)
        self._wants_request = aml_services.wants_request(self._run)
        if self._wants_request and self._schema is not None:
            raise HermeticError("run() has both @rawhttp and @input_schema: keep one of them.")

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Answer *request*; what `run` raises comes through."""
        if request.path == _SWAGGER:
            return HttpResponse(200, _JSON, json.dumps(self.described).encode())
        try:
            arguments = self._arguments(request)
            if _HEADERS in self._names:
                arguments[_HEADERS] = aml_services.CaselessHeaders(request.headers)
            # A script finds its files where it runs, as it did in its container.
            os.chdir(self._folder)
            return _response(self._called(arguments))
        except _Refused as refused:
            body = json.dumps({"message": refused.message}).encode()
            return HttpResponse(refused.status, _JSON, body)

    def _called(self, arguments: dict[str, Foreign]) -> Foreign:
        """Return what `run` does; inputs that do not fit its schema are their sender's fault."""
        try:
            return self._run(**arguments)
        except Exception as error:  # its types raise what they like, that of pandas `Exception`
            body = getattr(inspect.unwrap(self._run), "__code__", None)
            is_unfit = self._schema is not None and not isinstance(error, _OUR_OWN)
            if not is_unfit or not _was_converting(error.__traceback__, body):
                raise
            what = f"{type(error).__name__}: {error}"[:_LONGEST]
            raise _Refused(400, f"The inputs do not fit the schema: {what}") from None

    @property
    def described(self) -> Mapping[str, object]:
        """What `run` takes and gives: files that tell it, or what `inference-schema` does."""
        return {**(self._schema or {}), "files": dict(self._descriptions())}

    def _descriptions(self) -> Iterator[tuple[str, Foreign]]:
        """Yield the descriptions that lie beside the script, by their version."""
        for name, version in _DESCRIPTIONS:
            path = os.path.join(self._folder, name)
            if os.path.isfile(path):
                with open(path, encoding="utf-8") as file:
                    told = json.load(file)
                if isinstance(told, dict):
                    yield version, told

    def end(self) -> None:
        """Nothing to let go of."""

    def _arguments(self, request: HttpRequest) -> dict[str, Foreign]:
        first = next(name for name in self._names if name != _HEADERS)
        if self._wants_request:
            return {first: aml_services.AMLRequest(request)}
        if self._schema is not None:
            return self._by_name(request)
        if request.method == "GET":
            query = parse_qs(request.query, keep_blank_values=True)
            return {first: json.dumps({name: values[0] for name, values in query.items()})}
        try:
            return {first: request.body.decode()}
        except UnicodeDecodeError as error:
            raise _Refused(400, f"The body is not UTF-8 at byte {error.start + 1}.") from None

    def _by_name(self, request: HttpRequest) -> dict[str, Foreign]:
        """Return the members of the body as arguments, since the schema tells them by name."""
        kind = dict(request.headers).get("content-type", "")
        if request.method == "GET":
            query = parse_qs(request.query, keep_blank_values=True)
            given: Foreign = {name: values[0] for name, values in query.items()}
        elif kind.partition(";")[0].strip().lower() != "application/json":
            raise _Refused(415, "Send the inputs as JSON, with content-type: application/json.")
        else:
            try:
                given = json.loads(request.body)
            except (ValueError, RecursionError) as error:
                raise _Refused(400, f"The body is not JSON: {error}.") from None
        if not isinstance(given, dict):
            raise _Refused(400, "Send a JSON object with the inputs by name.")
        missing = [name for name, must in self._names.items() if must and name not in given]
        if missing := [name for name in missing if name != _HEADERS]:
            raise _Refused(400, f"The input {missing[0]!r} is missing.")
        return {name: value for name, value in given.items() if name in self._names}


def failed(raised: Raised, console: str) -> HttpResponse:
    """Return the response of a script that raised.

    The caller is told what went wrong, and where only to whoever may read the log.
    """
    lines = [line for line in raised.text.strip().splitlines() if line.strip()]
    body = json.dumps({"message": lines[-1].strip() if lines else "The script failed."}).encode()
    text = f"{console}{raised.text.rstrip()}\n"
    return HttpResponse(500, _JSON, body, failed=True, console=text)


def prepare(files: str, variables: Sequence[Sequence[str]]) -> None:
    """Set the variables an entry script looks for; *files* is the folder it lies in."""
    os.environ["AML_APP_ROOT"] = files
    for name, value in variables:
        # Where models lie is known here alone.
        os.environ[name] = os.path.join(files, value) if name == "AZUREML_MODEL_DIR" else value


def _parameters(run: Callable[..., Foreign]) -> dict[str, bool]:
    """Return the names of what *run* takes, and whether each must be given."""
    found = inspect.signature(run).parameters.values()
    for one in found:
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD, one.POSITIONAL_ONLY):
            raise HermeticError(
                f"run() takes {one}, and inputs are given by name: name each of them."
            )
    names = {one.name: one.default is one.empty for one in found}
    if not set(names) - {_HEADERS}:
        raise HermeticError("run() takes no input: give it a parameter for the body.")
    return names


def _schema_of(run: Callable[..., Foreign]) -> dict[str, object] | None:
    """Return what `inference-schema` tells of *run*; `None` if it does not decorate it."""
    if "inference_schema" not in sys.modules:
        return None
    told = importlib.import_module("inference_schema.schema_util")
    if not told.is_schema_decorated(run):
        return None
    return {"input": told.get_input_schema(run), "output": told.get_output_schema(run)}


def _was_converting(trace: TracebackType | None, body: Foreign) -> bool:
    """Whether what was raised comes from converting an input, before *body*, the code of `run`.

    The library converts inside the call and keeps its types to itself, so the frames tell: what
    a script converts once it runs, or raises itself, is below a frame of its own.
    """
    for frame, _ in walk_tb(trace):
        if frame.f_code is body:
            return False
        if (frame.f_globals.get("__name__"), frame.f_code.co_name) == _CONVERTING:
            return True
    return False


def _response(value: Foreign) -> HttpResponse:
    if hasattr(value, "status_code") and hasattr(value, "get_data"):
        fields = tuple((str(name), str(one)) for name, one in dict(value.headers).items())
        return HttpResponse(
            int(value.status_code),
            fields,
            bytes(value.get_data()),
            failed=bool(getattr(value, "run_function_failed", False)),
        )
    return HttpResponse(200, _JSON, json.dumps(value).encode())
