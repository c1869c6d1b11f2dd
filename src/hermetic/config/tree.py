"""A tree of settings: what the one of every role has, and how it is walked and made.

Knows no file and no setting; `layers` says what is in the tree, and where that came from.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar, Protocol, TypeGuard, TypeVar, get_type_hints

from hermetic.config.declaration import Declared, declaration_of, written

S = TypeVar("S", bound="Tree")
P = TypeVar("P", bound="Section")


@dataclass(frozen=True)
class Note:
    """What somebody should know of a setting that keeps nothing from starting.

    `origin` is where the setting was set, as `Source` has it.
    """

    key: str
    text: str
    origin: str = ""


class Section(Protocol):
    """A part of a tree: a frozen dataclass whose fields all have defaults."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class Tree(Section, Protocol):
    """Everything that can be set for one role.

    Making one MUST raise `BadConfiguration` with the key at fault if it could not be served.
    """

    role: ClassVar[str]
    """Whose settings they are, as people say it: "a web node"."""

    aliases: ClassVar[Mapping[str, str]]
    """Other names of settings and sections, and the key that each stands for."""

    def notes(self) -> Iterable[Note]:
        """Return what should be known of the settings as they are; none may hold a secret."""


@dataclass(frozen=True)
class Place:
    """Where in a tree a setting stands: its dotted key, its type, what it is without any layer."""

    key: str
    type: Any
    declared: Declared
    default: object


def places(tree: type[Tree]) -> Iterator[Place]:
    """Yield the place of every setting of *tree*, in its order."""
    yield from _below(tree(), ())


def built(tree: type[S], values: Mapping[str, object]) -> S:
    """Return the *tree* that holds *values*, one for the key of each of its places."""
    return _filled(tree(), (), values)


def is_section(value: object) -> TypeGuard[Section]:
    """Whether *value*, of a field, is a section and no setting."""
    return is_dataclass(value)


def _below(part: Section, above: tuple[str, ...]) -> Iterator[Place]:
    types = get_type_hints(type(part))
    for one in fields(part):
        value, path = getattr(part, one.name), (*above, written(one))
        if is_section(value):
            yield from _below(value, path)
        else:
            yield Place(".".join(path), types[one.name], declaration_of(one), value)


def _filled(part: P, above: tuple[str, ...], values: Mapping[str, object]) -> P:
    made: dict[str, object] = {}
    for one in fields(part):
        value, path = getattr(part, one.name), (*above, written(one))
        made[one.name] = (
            _filled(value, path, values) if is_section(value) else values[".".join(path)]
        )
    return replace(part, **made)
