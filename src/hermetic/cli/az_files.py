"""Configuration files of the v1 extension: objects, written as JSON or as YAML.

Only plain values are taken, those that JSON has.  Anchors are not followed: a few lines of them
mean billions of values.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import yaml

from hermetic.errors import BadInput

Json = dict[str, Any]

_LARGEST = 256 * 1024  # bytes; PyYAML reads about a hundred thousand in a second
_DEEPEST = 64


class _Mark(Protocol):  # a place in the text, from 0; PyYAML has two classes for it
    line: int
    column: int


class _Unread(Exception):  # never leaves this module: what is wrong, and where in the text
    pass


def read_object(path: Path, option: str) -> Json:
    """Return the object in a file that *option* names.

    Raises:
        BadInput: It cannot be read, is too large, or is none; its text says where.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise BadInput(f"{option}: {path} cannot be read: {error.strerror}.") from error
    try:
        return _plain(_parsed(data, is_json=path.suffix.lower() == ".json"))
    except RecursionError:
        raise BadInput(f"{option}: {path} nests more than {_DEEPEST} deep.") from None
    except _Unread as error:
        raise BadInput(f"{option}: {path} {error}") from error


def _parsed(data: bytes, *, is_json: bool) -> object:
    if len(data) > _LARGEST:
        raise _Unread(f"has more than {_LARGEST // 1024} KiB, which no configuration needs.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unread(f"is not UTF-8 at byte {error.start + 1}.") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # The name does not decide, as it did not for the original; only what is told of neither.
        told = f"is no JSON at line {error.lineno}, column {error.colno}: {error.msg}."
    try:
        _refuse_anchors(text)
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        raise _Unread(told if is_json else _explained(error)) from None
    except (yaml.YAMLError, ValueError) as error:  # no dates that there are, among others
        raise _Unread(told if is_json else f"is no YAML: {error}.") from None


def _refuse_anchors(text: str) -> None:
    """Refuse anchors that are used, before anything is made of *text*."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _Unread(f"uses an anchor{_at(event.start_mark)}: write out what it stands for.")


def _explained(error: yaml.MarkedYAMLError) -> str:
    what = error.problem or "it cannot be read"
    return f"is no YAML{_at(error.problem_mark or error.context_mark)}: {what}."


def _at(mark: _Mark | None) -> str:
    return "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"


def _plain(found: object) -> Json:
    """Return *found*, an object without what JSON does not know: dates, bytes, other names."""
    if not isinstance(found, dict):
        raise _Unread("holds no object: write names and their values.")
    left: list[tuple[str, int, object]] = [("", 1, found)]
    while left:
        where, depth, value = left.pop()
        if depth > _DEEPEST:
            raise _Unread(f"nests more than {_DEEPEST} deep.")
        left += [(place, depth + 1, one) for place, one in _parts(where, value)]
    return found


def _parts(where: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield what *value* holds, with its place; raises `_Unread` if that is not plain."""
    if isinstance(value, dict):
        for name, one in value.items():
            if not isinstance(name, str):
                place = f" in {where}" if where else ""
                raise _Unread(f"has the name {name!r}{place}, which is no text: quote it.")
            yield f"{where}.{name}" if where else name, one
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield f"{where}[{index}]", one
    elif not isinstance(value, str | int | float | None):
        raise _Unread(f"has a {type(value).__name__} at {where}: quote it, if a text is meant.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise _Unread(f"has {value} at {where}, which is no number of JSON.")
