"""What entry scripts import for raw requests: `azureml.contrib.services`, as far as they use it.

Runs in a worker: standard library only.  The names are those of the retired package, so that
scripts run as they are; it is not needed, and where a script's environment has it, ours wins.
"""

import json
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from hermetic.compute.encoding import Foreign
from hermetic.serving.exchange import HttpRequest

_MODULES = "azureml.contrib.services"
_MARK = "__hermetic_raw_http__"


class AMLRequest:
    """A request as `@rawhttp` functions are given it."""

    def __init__(self, request: HttpRequest) -> None:
        self.method, self.path = request.method, request.path
        self.headers = CaselessHeaders(request.headers)
        self.args = {name: values[0] for name, values in parse_qs(request.query).items()}
        self.query_string = request.query.encode()
        self.data = request.body
        self.content_type = self.headers.get("content-type", "")

    def get_data(self, *, as_text: bool = False) -> bytes | str:
        """Return the body."""
        return self.data.decode() if as_text else self.data

    def get_json(self, **_options: object) -> Foreign:
        """Return the body, which is JSON."""
        return json.loads(self.data)

    @property
    def json(self) -> Foreign:
        """The body, which is JSON."""
        return self.get_json()


class AMLResponse:
    """A response of an entry script's own making.

    Args:
        message: The body: text, bytes, or what becomes JSON.
        status_code: Its HTTP status.
        response_headers: Further header fields.
        json_str: Whether *message* is to be written as JSON whatever it is.
        run_function_failed: Whether the function counts as failed.
    """

    def __init__(
        self,
        message: Foreign,
        status_code: int,
        response_headers: Mapping[str, str] | None = None,
        json_str: bool = False,  # as scripts call it
        run_function_failed: bool = False,
    ) -> None:
        self.status_code = int(status_code)
        self.headers = dict(response_headers or {})
        self.run_function_failed = run_function_failed
        self._body = body_of(message, as_json=json_str)
        kind = "application/json" if json_str or not isinstance(message, str | bytes) else None
        if kind and "content-type" not in {name.lower() for name in self.headers}:
            self.headers["Content-Type"] = kind

    def get_data(self) -> bytes:
        """Return the body."""
        return self._body


class CaselessHeaders(dict[str, str]):
    """Header fields, found in any case."""

    def __init__(self, fields: tuple[tuple[str, str], ...]) -> None:
        super().__init__((name.title(), value) for name, value in fields)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.title())

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ANN401  # as of any dict
        """Return the field *name*."""
        return super().get(name.title(), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).title())


def rawhttp(function: Callable[..., Foreign]) -> Callable[..., Foreign]:
    """Have *function* be given the request itself."""
    setattr(function, _MARK, True)
    return function


def wants_request(function: Foreign) -> bool:
    """Whether *function* was marked by `rawhttp`."""
    return bool(getattr(function, _MARK, False))


def body_of(message: Foreign, *, as_json: bool) -> bytes:
    """Return *message* as the bytes of a body."""
    if as_json or not isinstance(message, str | bytes | bytearray):
        return json.dumps(message).encode()
    return message.encode() if isinstance(message, str) else bytes(message)


def offer() -> None:
    """Let `from azureml.contrib.services.aml_request import …` find what stands here."""
    contents: dict[str, dict[str, Foreign]] = {
        "aml_request": {"AMLRequest": AMLRequest, "rawhttp": rawhttp},
        "aml_response": {"AMLResponse": AMLResponse},
    }
    for name, content in contents.items():
        module = types.ModuleType(f"{_MODULES}.{name}")
        module.__dict__.update(content)
        sys.modules[module.__name__] = module
