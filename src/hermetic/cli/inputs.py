"""Inputs as they are typed at a prompt, read by the types a service declares."""

from collections.abc import Sequence

import msgspec

from hermetic.errors import BadInput
from hermetic.serving.values import WireType
from hermetic.wire.messages import WebService

_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_EXAMPLES = {
    WireType.NUMERIC: "1.5",
    WireType.INTEGER: "3",
    WireType.LOGICAL: "true",
    WireType.VECTOR: "'[1, 2, 3]'",
    WireType.MATRIX: "'[[1, 2], [3, 4]]'",
    WireType.DATA_FRAME: '\'{"a": [1, 2], "b": ["x", "y"]}\'',
}


def body_of(service: WebService, values: Sequence[str]) -> dict[str, object]:
    """Return the JSON object of a call to *service* with *values* such as `x=1.5`.

    Raises:
        BadInput: A value names no input, is there twice, is missing, or is not of its type.
    """
    types = {one.name: one.type for one in service.input_parameter_definitions}
    body: dict[str, object] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or name not in types:
            known = ", ".join(types) or "nothing by name: use --data"
            raise BadInput(f"{text!r} names no input; {service.name} takes {known}.")
        if name in body:
            raise BadInput(f"The input {name} is given twice.")
        body[name] = value_of(name, types[name], value)
    missing = [name for name in types if name not in body]
    if missing:
        typed = ", ".join(f"{name}=… ({types[name]})" for name in missing)
        raise BadInput(f"{service.name} also needs {typed}.")
    return body


def value_of(name: str, type_name: str, text: str) -> object:
    """Return *text* as a value of the wire type *type_name*, or raise `BadInput` with an example."""
    read: object = None
    if type_name == WireType.CHARACTER:
        return text
    if type_name == WireType.LOGICAL:
        read = _TRUTHS.get(text.lower())
    else:
        try:
            read = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError):
            read = None
        if not _fits(type_name, read):
            read = None
    if read is None:
        example = _EXAMPLES.get(WireType(type_name), "…")
        raise BadInput(f"{name} is {type_name}, not {text!r}: write {name}={example}.")
    return read


def _fits(type_name: str, value: object) -> bool:
    """Whether *value* has the outer shape of its type; the node checks the rest."""
    shapes: dict[str, type | tuple[type, ...]] = {
        WireType.NUMERIC: (int, float),
        WireType.INTEGER: int,
        WireType.VECTOR: list,
        WireType.MATRIX: list,
        WireType.DATA_FRAME: dict,
    }
    return isinstance(value, shapes[type_name]) and not isinstance(value, bool)
