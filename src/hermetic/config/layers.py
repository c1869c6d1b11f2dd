"""From defaults, a file, the environment and flags to settings that know where they came from.

Later layers win: defaults < file < environment < flags.  A key nobody knows is an error with
the nearest name, since a setting that is silently ignored is worse than none.
"""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from hermetic.config.jsonc import Member, Scalar, Value, parse
from hermetic.config.settings import Settings
from hermetic.errors import BadConfiguration

_PREFIX = "HERMETIC__"
# Documented as free text for people by ML Server 9.x, at any depth; `configured` its set-up wrote.
_FREE_TEXT = {"description", "allowedloglevels", "configured"}
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}

T = TypeVar("T")

Given = Scalar | tuple[Scalar, ...]
Converted = bool | int | float | str | tuple[str, ...] | None


@dataclass(frozen=True)
class Source:
    """One layer's word on one setting: its dotted key as written, its value, and where it stands.

    `origin` is what a person is told: `defaults`, a place in a file, a variable, a flag.
    """

    key: str
    value: Given
    origin: str


@dataclass(frozen=True)
class Explained:
    """One setting as it came to be."""

    key: str
    value: object
    origin: str
    meaning: str


@dataclass(frozen=True)
class Resolved:
    """The settings, and of each where its value came from."""

    settings: Settings
    explained: tuple[Explained, ...]


def from_file(text: str, *, file: str) -> list[Source]:
    """Return what *text*, the content of a settings file, says."""
    root = parse(text, file=file)
    if not isinstance(root.content, dict):
        raise BadConfiguration(f"{root.place}: settings are an object: begin with {{.")
    return list(_members(root.content, ()))


def from_environment(environment: Mapping[str, str]) -> list[Source]:
    """Return what variables such as `HERMETIC__Kestrel__Port` say."""
    return [
        Source(name[len(_PREFIX) :].replace("__", "."), value, f"variable {name}")
        for name, value in sorted(environment.items())
        if name.upper().startswith(_PREFIX)
    ]


def resolve(*layers: Iterable[Source]) -> Resolved:
    """Return the settings that *layers*, the weakest first, amount to.

    Raises:
        BadConfiguration: A key is unknown, or a value is not what its setting takes.
    """
    known = {place.key.lower(): place for place in _places(Settings, ())}
    chosen: dict[str, Source] = {}
    for source in (one for layer in layers for one in layer):
        if source.key.lower() not in known:
            raise BadConfiguration(_unknown(source, [place.key for place in known.values()]))
        chosen[source.key.lower()] = source
    values: dict[str, object] = {}
    explained = []
    for lowered, place in known.items():
        given = chosen.get(lowered)
        value = place.field.default if given is None else _convert(given, place)
        values[place.key] = value
        origin = "default" if given is None else given.origin
        explained.append(Explained(place.key, value, origin, place.field.metadata["meaning"]))
    return Resolved(_build(Settings, (), values), tuple(explained))


@dataclass(frozen=True)
class _Place:
    """Where in the tree a setting stands, and what it takes."""

    key: str
    field: Field[Any]
    type: Any


def _places(cls: type[Any], above: tuple[str, ...]) -> Iterator[_Place]:
    types = get_type_hints(cls)
    for one in fields(cls):
        path = (*above, _written(one.name))
        if is_dataclass(types[one.name]):
            yield from _places(types[one.name], path)
        else:
            yield _Place(".".join(path), one, types[one.name])


def _build(cls: type[T], above: tuple[str, ...], values: Mapping[str, object]) -> T:
    types = get_type_hints(cls)
    made = {}
    for one in fields(cls):  # type: ignore[arg-type]  # every cls is a dataclass of settings.py
        path = (*above, _written(one.name))
        inner = types[one.name]
        made[one.name] = (
            _build(inner, path, values)
            if isinstance(inner, type) and is_dataclass(inner)
            else values[".".join(path)]
        )
    return cls(**made)


def _written(name: str) -> str:
    """Return the field *name* as the file writes it: `max_size` is `MaxSize`."""
    return "".join(part.capitalize() for part in name.split("_"))


def _members(members: Mapping[str, Member], above: tuple[str, ...]) -> Iterator[Source]:
    for name, member in members.items():
        if name.lower() in _FREE_TEXT:
            continue
        path, content = (*above, name), member.value.content
        if isinstance(content, dict):
            if not content:  # An empty section sets nothing, but its name must still be one.
                _require_section(path, member)
            yield from _members(content, path)
        else:
            yield Source(".".join(path), _plain(member.value), member.place)


def _require_section(path: tuple[str, ...], member: Member) -> None:
    wanted = ".".join(path).lower() + "."
    keys = [place.key for place in _places(Settings, ())]
    if not any(key.lower().startswith(wanted) for key in keys):
        raise BadConfiguration(_unknown(Source(".".join(path), None, member.place), keys))


def _plain(value: Value) -> Given:
    if not isinstance(value.content, tuple):
        return value.content if not isinstance(value.content, dict) else None
    plain = []
    for element in value.content:
        if isinstance(element.content, tuple | dict):
            raise BadConfiguration(f"{element.place}: a list of settings holds texts or numbers.")
        plain.append(element.content)
    return tuple(plain)


def _unknown(source: Source, keys: Iterable[str]) -> str:
    by_lower = {key.lower(): key for key in keys}
    near = difflib.get_close_matches(source.key.lower(), by_lower, n=1, cutoff=0.6)
    if not near:  # The right name in the wrong section, or without one.
        last = source.key.lower().rpartition(".")[2]
        near = [key for key in by_lower if key.rpartition(".")[2] == last][:1]
    remedy = (
        f"did you mean {by_lower[near[0]]}?"
        if near
        else "`hermetic settings explain` lists what can be set."
    )
    return f"{source.origin}: there is no setting {source.key}; {remedy}"


def _convert(source: Source, place: _Place) -> Converted:
    """Return the value as its setting's type; texts stand for numbers, as they always could."""
    value, wanted = source.value, place.type
    converted: Converted = None
    if wanted is bool:
        converted = value if isinstance(value, bool) else _TRUTHS.get(str(value).lower())
    elif wanted in {int, float}:
        converted = _number(value, wanted)
    elif wanted is str:
        converted = _text(value, place.field.metadata["choices"])
    else:
        items = value.split(",") if isinstance(value, str) else value
        if isinstance(items, tuple | list) and all(isinstance(item, str) for item in items):
            converted = tuple(str(item).strip() for item in items if str(item).strip())
    refusal = _refusal(converted, place)
    if refusal:
        raise BadConfiguration(f"{source.origin}: {place.key} takes {refusal}, not {value!r}.")
    return converted


def _text(value: Given, choices: tuple[str, ...]) -> str | None:
    if not isinstance(value, str) or not choices:
        return value if isinstance(value, str) else None
    return {one.lower(): one for one in choices}.get(value.lower())


def _number(value: Given, wanted: type[int] | type[float]) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if wanted is int and isinstance(value, float):
        return None
    try:
        number = wanted(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _refusal(value: Converted, place: _Place) -> str | None:
    """Return what the setting takes, if *value* is not that."""
    bounds = place.field.metadata
    least, most, choices = bounds["least"], bounds["most"], bounds["choices"]
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    takes = kinds.get(place.type, "a list of texts")
    if choices:
        takes = "one of " + ", ".join(choices)
    if least is not None:
        takes += f" of at least {least}" if most is None else f" from {least} to {most}"
    if value is None:
        return takes
    below = least is not None and isinstance(value, int | float) and value < least
    above = most is not None and isinstance(value, int | float) and value > most
    return takes if below or above else None
