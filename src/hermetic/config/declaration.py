"""How a setting is declared: its default, what it means, and what it takes.

A tree of settings is a frozen dataclass of sections, and a section one of settings and sections.
What stands here tells the reader of a file, and a person, what they need to know of a field; it
knows nothing of any one setting.
"""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

_DECLARED = "declared"


@dataclass(frozen=True)
class Range:
    """Numbers from *least* to *most*; of a duration, its seconds."""

    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Choice:
    """One of some words, known in any case; a synonym, in lower case, stands for one of them."""

    words: tuple[str, ...]
    synonyms: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Form:
    """A text of a form of its own, or nothing.

    Attributes:
        described: What people call such a text, as in "takes …".
        read: Returns a text as it is to be kept, or `None` if it is not of the form.
    """

    described: str
    read: Callable[[str], str | None]


@dataclass(frozen=True)
class Declared:
    """What was declared of one field.

    Attributes:
        meaning: What a person is told.
        takes: What it may be, beside being of its type.
        written: Its name in the file, where that is not the field's own in capitals.
        unused: Why nothing comes of it, for a setting that is taken for the old files' sake.
        is_secret: Whether its value is never shown.
        sealed_by: The field beside it that says whether the value is an envelope.
    """

    meaning: str = ""
    takes: Range | Choice | Form | None = None
    written: str = ""
    unused: str = ""
    is_secret: bool = False
    sealed_by: str = ""


def setting(
    default: T,
    meaning: str,
    *,
    takes: Range | Choice | Form | None = None,
    written: str = "",
    unused: str = "",
) -> T:
    """Declare a setting; the parameters are those of `Declared`."""
    declared = Declared(meaning, takes, written, unused)
    return field(default=default, metadata={_DECLARED: declared})


def secret(meaning: str, *, written: str = "", unused: str = "", sealed_by: str = "") -> str:
    """Declare a text that neither a `repr`, nor an error, nor an explanation may show."""
    declared = Declared(meaning, None, written, unused, is_secret=True, sealed_by=sealed_by)
    return field(default="", repr=False, metadata={_DECLARED: declared})


def named(written: str) -> Mapping[str, Declared]:
    """Return the metadata of a section whose name in the file is *written*."""
    return {_DECLARED: Declared(written=written)}


def declaration_of(one: Field[Any]) -> Declared:
    """Return what was declared of the field *one*: nothing, of most sections."""
    declared: Declared = one.metadata.get(_DECLARED, Declared())
    return declared


def written(one: Field[Any]) -> str:
    """Return the field *one* as the file writes it: `max_size` is `MaxSize`."""
    own = "".join(part.capitalize() for part in one.name.split("_"))
    return declaration_of(one).written or own
