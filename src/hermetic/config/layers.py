"""From defaults, a file, the environment and flags to settings that know where they came from.

Later layers win: defaults < file < environment < flags.  A key nobody knows is an error with
the nearest name, since a setting that is silently ignored is worse than none.  A secret stands
in no error.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from hermetic.config.conversion import Converted, Given, converted, shown, taken
from hermetic.config.jsonc import Content, Member, Value, parse
from hermetic.config.roles import ROLES
from hermetic.config.tree import Note, Place, Tree, built, places
from hermetic.errors import BadConfiguration

_PREFIX = "HERMETIC__"
_DEFAULT = "default"
# Documented as free text for people by ML Server 9.x, at any depth; `configured` its set-up wrote.
_FREE_TEXT = {"description", "allowedloglevels", "configured"}

S = TypeVar("S", bound=Tree)


@dataclass(frozen=True)
class Source:
    """One layer's word on one setting: its dotted key as written, its value, and where it stands.

    `origin` is what a person is told: `defaults`, a place in a file, a variable, a flag.  `None`
    leaves the setting to weaker layers; a key that ends with a dot names a section, and says
    nothing of what is in it.
    """

    key: str
    value: Given = field(repr=False)
    origin: str


@dataclass(frozen=True)
class Explained:
    """One setting as it came to be; its value as the file would write it, a secret as such."""

    key: str
    value: object
    origin: str
    meaning: str


@dataclass(frozen=True)
class Resolved(Generic[S]):
    """The settings, of each where its value came from, and what should be known of them."""

    settings: S
    explained: tuple[Explained, ...]
    notes: tuple[Note, ...]


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


def resolve(tree: type[S], *layers: Iterable[Source]) -> Resolved[S]:
    """Return the settings of *tree* that *layers*, the weakest first, amount to.

    Raises:
        BadConfiguration: A key is unknown or said twice, a value is not what its setting takes,
            or the settings contradict each other.
    """
    known = {place.key.lower(): place for place in places(tree)}
    chosen: dict[str, _Said] = {}
    for layer in layers:
        chosen |= _said(tree, known, layer)
    origins = {place.key: _origin(chosen.get(lowered)) for lowered, place in known.items()}
    values = {
        place.key: chosen[lowered].value if lowered in chosen else place.default
        for lowered, place in known.items()
    }
    try:
        settings = built(tree, values)
    except BadConfiguration as error:
        origin = origins.get(error.key, _DEFAULT)
        where = "" if origin == _DEFAULT else f"{origin}: "
        raise BadConfiguration(f"{where}{error.text}", key=error.key) from error
    explained = tuple(
        Explained(key, shown(values[key], place), origins[key], place.declared.meaning)
        for place in known.values()
        for key in [place.key]
    )
    notes = (*_unused(known.values(), values), *settings.notes())
    placed = tuple(replace(one, origin=origins.get(one.key, _DEFAULT)) for one in notes)
    return Resolved(settings, explained, placed)


@dataclass(frozen=True)
class _Said:
    """What one layer makes of one setting."""

    value: Converted = field(repr=False)
    origin: str


def _origin(said: _Said | None) -> str:
    return _DEFAULT if said is None else said.origin


def _said(
    tree: type[Tree], known: Mapping[str, Place], layer: Iterable[Source]
) -> dict[str, _Said]:
    said: dict[str, _Said] = {}
    for source in layer:
        key = _canonical(source.key, tree)
        place = known.get(key)
        if place is None and not (source.value is None and _is_section(key, known)):
            raise BadConfiguration(_unknown(source, key, tree, known))
        if place is None or source.value is None:
            continue
        value, earlier = _converted(source, place), said.get(key)
        if earlier is not None and earlier.value != value:
            raise BadConfiguration(
                f"{earlier.origin} and {source.origin} both set {place.key}, and differ:"
                " remove one of them."
            )
        said[key] = _Said(value, source.origin)
    return said


def _canonical(key: str, tree: type[Tree]) -> str:
    """Return *key* in lower case, by the name that the tree has for it."""
    lowered = key.lower()
    for alias, meant in tree.aliases.items():
        above = alias.lower() + "."
        if (lowered + ".").startswith(above):
            lowered = meant.lower() + lowered[len(alias) :]
    return lowered


def _is_section(key: str, known: Mapping[str, Place]) -> bool:
    return any(one.startswith(key.rstrip(".") + ".") for one in known)


def _converted(source: Source, place: Place) -> Converted:
    value = converted(source.value, place)
    if value is None:
        instead = "" if place.declared.is_secret else f", not {source.value!r}"
        raise BadConfiguration(f"{source.origin}: {place.key} takes {taken(place)}{instead}.")
    return value


def _unused(known: Iterable[Place], values: Mapping[str, object]) -> Iterator[Note]:
    for place in known:
        if place.declared.unused and values[place.key] != place.default:
            yield Note(place.key, f"{place.key} changes nothing: {place.declared.unused}.")


def _members(members: Mapping[str, Member], above: tuple[str, ...]) -> Iterator[Source]:
    for name, member in members.items():
        if name.lower() in _FREE_TEXT:
            continue
        path, content = (*above, name), member.value.content
        if name.lower() == "values" and isinstance(content, tuple):
            content = _only(content, member)
        if isinstance(content, dict):
            if not content:  # An empty section sets nothing, but its name must still be one.
                yield Source(".".join(path) + ".", None, member.place)
            yield from _members(content, path)
        else:
            yield Source(".".join(path), _plain(member.value), member.place)


def _only(elements: tuple[Value, ...], member: Member) -> Content:
    """Return the one object in a list of them: R Server 9.0 put a section into such a list."""
    objects = [one for one in elements if isinstance(one.content, dict)]
    if len(objects) > 1:
        raise BadConfiguration(
            f"{member.place}: Values holds {len(objects)} sections, and only one can hold: keep it."
        )
    return objects[0].content if objects and len(elements) == 1 else elements


def _plain(value: Value) -> Given:
    if not isinstance(value.content, tuple):
        return value.content if not isinstance(value.content, dict) else None
    plain = []
    for element in value.content:
        if isinstance(element.content, tuple | dict):
            raise BadConfiguration(f"{element.place}: a list of settings holds texts or numbers.")
        plain.append(element.content)
    return tuple(plain)


def _unknown(source: Source, key: str, tree: type[Tree], known: Mapping[str, Place]) -> str:
    written = source.key.rstrip(".")
    for other in reversed(ROLES.values()):
        if _is_in(source.key, other):
            kind = "file" if ":" in source.origin else "setting"
            return (
                f"{source.origin}: {tree.role} has no setting {written}, but {other.role} has:"
                f" this looks like {other.role}'s {kind}."
            )
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if not near:  # The right name in the wrong section, or without one.
        last = key.rpartition(".")[2]
        near = [one for one in known if one.rpartition(".")[2] == last][:1]
    remedy = (
        f"did you mean {known[near[0]].key}?"
        if near
        else "`hermetic settings explain` lists what can be set."
    )
    return f"{source.origin}: there is no setting {written}; {remedy}"


def _is_in(key: str, tree: type[Tree]) -> bool:
    canonical = _canonical(key, tree)
    known = {place.key.lower(): place for place in places(tree)}
    return canonical in known or (canonical.endswith(".") and _is_section(canonical, known))
