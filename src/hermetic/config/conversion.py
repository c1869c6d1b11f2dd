"""From what a layer says to what a setting takes.

Texts stand for truths, numbers and durations, as they always could: the old files write
`"UseLDAPS": "True"` and `"Port": "389"`.  A value that does not fit is `None` here; whether it may
be shown is for the caller to know.
"""

import math
from datetime import timedelta

from hermetic.config.declaration import Choice, Form, Range
from hermetic.config.durations import duration
from hermetic.config.durations import written as duration_written
from hermetic.config.jsonc import Scalar
from hermetic.config.tree import Place

Given = Scalar | tuple[Scalar, ...]
"""What a layer can say of a setting."""

Converted = bool | int | float | str | timedelta | tuple[str, ...]
"""What a setting can be."""

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_KINDS = {
    bool: "true or false",
    bool | None: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    timedelta: "a duration such as 00:10:00 or 1.00:00:00 (days before the dot)",
}


def converted(given: Given, place: Place) -> Converted | None:
    """Return *given* as the type and form of its setting; `None` if it is not what that takes."""
    if place.type in {bool, bool | None}:
        return given if isinstance(given, bool) else _TRUTHS.get(str(given).lower())
    if place.type is int:
        return _within(_whole(given), place)
    if place.type is float:
        return _within(_number(given), place)
    if place.type is timedelta:
        return _within(duration(given) if isinstance(given, str) else None, place)
    if place.type is str:
        return _formed(given, place)
    return _list(given, place)


def taken(place: Place) -> str:
    """Return in words what the setting at *place* takes."""
    takes = place.declared.takes
    if isinstance(takes, Choice):
        return "one of " + ", ".join(takes.words)
    if isinstance(takes, Form):
        return takes.described if place.type is str else f"a list, each {takes.described}"
    kind = _KINDS.get(place.type, "a list of texts")
    if takes is None or takes.least is None:
        return kind
    unit = " s" if place.type is timedelta else ""
    upwards = f" of at least {takes.least}{unit}"
    return kind + (upwards if takes.most is None else f" from {takes.least} to {takes.most}{unit}")


def shown(value: object, place: Place) -> object:
    """Return the *value* of a setting for people and for JSON: as the file writes it, no secret."""
    if place.declared.is_secret:
        return "(secret)" if value else ""
    return duration_written(value) if isinstance(value, timedelta) else value


def _whole(given: Given) -> int | None:
    if isinstance(given, bool) or not isinstance(given, str | int):
        return None
    try:
        return int(given)
    except ValueError:
        return None


def _number(given: Given) -> float | None:
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _within(value: int | float | timedelta | None, place: Place) -> int | float | timedelta | None:
    takes = place.declared.takes
    if value is None or not isinstance(takes, Range):
        return value
    measured = value.total_seconds() if isinstance(value, timedelta) else value
    below = takes.least is not None and measured < takes.least
    above = takes.most is not None and measured > takes.most
    return None if below or above else value


def _formed(given: object, place: Place) -> str | None:
    if not isinstance(given, str):
        return None
    takes = place.declared.takes
    if isinstance(takes, Choice):
        words = {word.lower(): word for word in takes.words} | dict(takes.synonyms)
        return words.get(given.strip().lower())
    if isinstance(takes, Form):
        return takes.read(given.strip()) if given.strip() else ""
    return given


def _list(given: Given, place: Place) -> tuple[str, ...] | None:
    items = given.split(",") if isinstance(given, str) else given
    if not isinstance(items, tuple | list) or not all(isinstance(item, str) for item in items):
        return None
    formed = [_formed(str(item).strip(), place) for item in items]
    kept = [item for item in formed if item is not None]
    return tuple(item for item in kept if item) if len(kept) == len(formed) else None
