"""What a service takes and gives back: names and wire types, in declared order."""

import keyword
from collections.abc import Iterable
from dataclasses import dataclass

from hermetic.errors import BadInput
from hermetic.serving.values import WireType


@dataclass(frozen=True)
class Parameter:
    """One input or output: a Python identifier and its type on the wire."""

    name: str
    type: WireType

    @classmethod
    def parse(cls, name: str, type_name: str) -> "Parameter":
        """Return the parameter, or raise `BadInput` saying what is wrong with it."""
        if not name.isidentifier() or keyword.iskeyword(name):
            raise BadInput(
                f"{name!r} cannot name an input or output: use a Python identifier such as 'x'."
            )
        try:
            return cls(name, WireType(type_name))
        except ValueError:
            known = ", ".join(WireType)
            raise BadInput(f"{type_name!r} is no type for {name!r}: use one of {known}.") from None


@dataclass(frozen=True)
class Schema:
    """Inputs, outputs and the files a call may leave behind, each in declared order."""

    inputs: tuple[Parameter, ...] = ()
    outputs: tuple[Parameter, ...] = ()
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_twice("input", (one.name for one in self.inputs))
        _refuse_twice("output", (one.name for one in self.outputs))
        _refuse_twice("output file", self.files)
        for name in self.files:
            if not is_file_name(name):
                raise BadInput(
                    f"{name!r} cannot name an output file: use a plain name without folders."
                )


def is_file_name(name: str) -> bool:
    """Whether *name* is one plain name: no folder, no drive, nothing that climbs or hides."""
    return (
        0 < len(name.encode("utf-8", "surrogatepass")) <= 255
        and name not in {".", ".."}
        and not any(char in "/\\:" or ord(char) < 32 or ord(char) == 127 for char in name)
    )


def _refuse_twice(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadInput(f"The {kind} {name!r} is declared twice: give each its own name.")
        seen.add(name)
