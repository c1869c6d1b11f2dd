"""A request and a response as they travel to an entry script and back: one head, one body.

Workers read and write them, so the standard library has to do.  The form is four bytes that tell
the length of the head, big-endian, the head in JSON, and the body as it is.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hermetic.errors import MalformedBody

_LENGTH = 4
Fields = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class HttpRequest:
    """A request that an entry script is to answer; header names are in lower case.

    Its `body` is no part of a `repr`, since nobody's data belongs into a log.
    """

    method: str
    path: str
    query: str
    headers: Fields
    body: bytes = field(repr=False)

    def packed(self) -> bytes:
        """Return it as it travels."""
        head = {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": self.headers,
        }
        return _packed(head, self.body)

    @classmethod
    def unpacked(cls, data: bytes) -> "HttpRequest":
        """Return what *data* is, or raise `MalformedBody`."""
        head, body = _unpacked(data)
        try:
            return cls(
                str(head["method"]),
                str(head["path"]),
                str(head["query"]),
                _fields(head["headers"]),
                body,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _malformed() from error


@dataclass(frozen=True)
class HttpResponse:
    """What an entry script answered.

    `failed` says that its code raised, and `console` is what it wrote meanwhile.
    """

    status: int
    headers: Fields
    body: bytes = field(repr=False)
    failed: bool = False
    console: str = field(default="", repr=False)

    def packed(self) -> bytes:
        """Return it as it travels."""
        head = {
            "status": self.status,
            "headers": self.headers,
            "failed": self.failed,
            "console": self.console,
        }
        return _packed(head, self.body)

    @classmethod
    def unpacked(cls, data: bytes) -> "HttpResponse":
        """Return what *data* is, or raise `MalformedBody`."""
        head, body = _unpacked(data)
        try:
            return cls(
                int(head["status"]),
                _fields(head["headers"]),
                body,
                bool(head["failed"]),
                str(head["console"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _malformed() from error


def _packed(head: Mapping[str, object], body: bytes) -> bytes:
    written = json.dumps(head, separators=(",", ":")).encode()
    return len(written).to_bytes(_LENGTH, "big") + written + body


def _unpacked(data: bytes) -> tuple[dict[str, Any], bytes]:
    end = _LENGTH + int.from_bytes(data[:_LENGTH], "big")
    try:
        head = json.loads(data[_LENGTH:end])
    except (ValueError, RecursionError) as error:
        raise _malformed() from error
    if len(data) < end or not isinstance(head, dict):
        raise _malformed()
    return head, data[end:]


def _fields(told: list[list[str]]) -> Fields:
    return tuple((str(name), str(value)) for name, value in told)


def _malformed() -> MalformedBody:
    return MalformedBody("What travelled between a node and its worker is no such exchange.")
