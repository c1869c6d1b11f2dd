"""From the JSON of a call to the inputs of a service.

Runs in a worker: standard library only.  numpy and pandas are imported only where a declared
type needs them, and where they are not installed a vector stays a list, a matrix a list of rows
and a data.frame a dict of lists.

Bare `NaN` and `Infinity`, which old clients send, are accepted wherever a number with decimals
may stand.
"""

import importlib
import json
import math
from collections.abc import Callable, Iterable

from hermetic.compute.encoding import Foreign
from hermetic.errors import InputMismatch, MalformedBody, Mismatch

Decoder = Callable[[Foreign, str], Foreign]
"""Takes a JSON value and its pointer; raises `_Unfit` if the value does not fit."""

_BOM = b"\xef\xbb\xbf"
_MOST_MISMATCHES = 20
_parse = json.JSONDecoder().decode


class _Unfit(Exception):  # never leaves this module: gathered into one InputMismatch
    def __init__(self, pointer: str, expected: str, came: str) -> None:
        super().__init__()
        self.pointer, self.expected, self.came = pointer, expected, came


def parse(body: bytes) -> Foreign:
    """Return the JSON value in *body*, or raise `MalformedBody` saying where it ends being JSON."""
    if body[:3] == _BOM:
        body = body[3:]
    try:
        return _parse(body.decode())
    except UnicodeDecodeError as error:
        raise MalformedBody(
            f"The body is not UTF-8 at byte {error.start + 1}; send JSON in UTF-8."
        ) from None
    except json.JSONDecodeError as error:
        if not body.strip():
            raise MalformedBody("The body is empty; send a JSON object of the inputs.") from None
        raise MalformedBody(
            f"The body is not JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise MalformedBody("The body is JSON nested too deeply to be read.") from None
    except ValueError as error:
        # A number of more digits than Python converts.
        raise MalformedBody(f"The body holds a number that cannot be read: {error}.") from None


class Inputs:
    """The declared inputs of a service: reads the body of a call into Python values."""

    def __init__(self, declared: Iterable[tuple[str, str]], *, old_matrix: bool) -> None:
        self._types = dict(declared)
        self._decoders = {
            name: _decoder(type_, old_matrix=old_matrix) for name, type_ in self._types.items()
        }

    def read(self, body: bytes) -> dict[str, Foreign]:
        """Return the inputs by name, in declared order.

        Raises:
            MalformedBody: The body is no JSON.
            InputMismatch: The inputs are not those declared.
        """
        if not body and not self._decoders:
            return {}
        values = parse(body)
        if type(values) is not dict:
            text = f"The body is {kind_of(values)}; send an object that holds {self._known()}."
            raise InputMismatch(text, [Mismatch("", text)])
        bound = {}
        try:
            for name, decode in self._decoders.items():
                bound[name] = decode(values[name], name)
            if len(values) == len(bound):
                return bound
        except (KeyError, _Unfit):
            pass
        raise self._explained(values)

    def _explained(self, values: dict[str, Foreign]) -> InputMismatch:
        """Go through everything again, slowly, and say all that is wrong."""
        found = []
        for name, decode in self._decoders.items():
            if name not in values:
                found.append(
                    Mismatch(f"/{name}", f"Input {name!r} ({self._types[name]}) is missing.")
                )
                continue
            try:
                decode(values[name], name)
            except _Unfit as unfit:
                where = "" if unfit.pointer == name else f" at /{unfit.pointer}"
                found.append(
                    Mismatch(
                        f"/{unfit.pointer}",
                        f"Input {name!r} ({self._types[name]}) takes {unfit.expected};"
                        f" {unfit.came} came{where}.",
                    )
                )
        found += [
            Mismatch(f"/{escape(name)}", f"There is no input {name[:80]!r}; send {self._known()}.")
            for name in values
            if name not in self._decoders
        ]
        more = f" ({len(found) - 1} more)" if len(found) > 1 else ""
        return InputMismatch(found[0].message + more, found[:_MOST_MISMATCHES])

    def _known(self) -> str:
        return ", ".join(map(repr, self._types)) or "no inputs, for the service takes none"


def escape(name: str) -> str:
    """Return *name* as one step of a JSON pointer (RFC 6901, 3)."""
    return name.replace("~", "~0").replace("/", "~1")


def kind_of(value: object) -> str:
    """Return what sort of JSON value this is, in words and without the value itself."""
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "an infinite number"
        return "a number with decimals" if not value.is_integer() else "a number"
    names: dict[type, str] = {
        type(None): "null",
        bool: "a logical",
        int: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), f"a {type(value).__name__}")


def _decoder(type_: str, *, old_matrix: bool) -> Decoder:
    """Return what reads one input of the wire type *type_*."""
    if type_ == "data.frame":
        return _frame_decoder(_library("pandas"))
    if type_ == "vector":
        return _vector_decoder(_library("numpy"))
    if type_ == "matrix":
        return _matrix_decoder(_library("numpy"), old_matrix=old_matrix)
    return {
        "numeric": _numeric,
        "integer": _integer,
        "logical": _logical,
        "character": _character,
    }[type_]


def _library(name: str) -> Foreign:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _numeric(value: Foreign, at: str) -> float | None:
    if type(value) is float or value is None:
        return value
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise _Unfit(at, "a number of at most 1.8e308", "a larger number") from None
    raise _Unfit(at, "a number", kind_of(value))


def _integer(value: Foreign, at: str) -> int | None:
    if type(value) is int or value is None:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise _Unfit(at, "a whole number", kind_of(value))


def _logical(value: Foreign, at: str) -> bool | None:
    if value is True or value is False or value is None:
        return value
    raise _Unfit(at, "true or false", kind_of(value))


def _character(value: Foreign, at: str) -> str | None:
    if type(value) is str or value is None:
        return value
    raise _Unfit(at, "a text", kind_of(value))


def _vector_decoder(numpy: Foreign) -> Decoder:
    def decode(value: Foreign, at: str) -> Foreign:
        if value is None:
            return None
        if type(value) is not list:
            raise _Unfit(at, "a list", kind_of(value))
        kinds = _flat_kinds(value, at)
        return value if numpy is None else _array(numpy, value, kinds)

    return decode


def _matrix_decoder(numpy: Foreign, *, old_matrix: bool) -> Decoder:
    def decode(value: Foreign, at: str) -> Foreign:
        if value is None:
            return None
        if type(value) is not list:
            raise _Unfit(at, "a list of rows", kind_of(value))
        for number, row in enumerate(value):
            if type(row) is not list:
                raise _Unfit(f"{at}/{number}", "a list of rows", kind_of(row))
            for column, cell in enumerate(row):
                if type(cell) in (list, dict):
                    raise _Unfit(f"{at}/{number}/{column}", "single values", kind_of(cell))
        kinds = _flat_kinds(value, at)
        if numpy is None:
            return value
        array = _array(numpy, value or [[]], kinds)
        # A view, because making one warns that matrices are old.
        return array.view(numpy.matrix) if old_matrix else array

    return decode


def _frame_decoder(pandas: Foreign) -> Decoder:
    def decode(value: Foreign, at: str) -> Foreign:
        if value is None:
            return None
        if type(value) is not dict:
            raise _Unfit(at, "an object of columns", kind_of(value))
        length = None
        for name, column in value.items():
            pointer = f"{at}/{escape(name)}"
            if type(column) is not list:
                raise _Unfit(pointer, "columns that are lists", kind_of(column))
            if length is not None and len(column) != length:
                raise _Unfit(
                    pointer,
                    "columns of equal length",
                    f"one of {len(column)} after one of {length} values",
                )
            length = len(column)
            for number, cell in enumerate(column):
                if type(cell) in (list, dict):
                    raise _Unfit(f"{pointer}/{number}", "single values", kind_of(cell))
        return value if pandas is None else pandas.DataFrame(value)

    return decode


def _flat_kinds(values: list[Foreign], at: str) -> set[type]:
    """Return the types of all scalars in *values*, whose nested lists must be of equal length.

    A vector may be nested, because the retired client sends an array of any shape as one.
    """
    kinds = set(map(type, values))
    if dict in kinds:
        place = next(n for n, value in enumerate(values) if type(value) is dict)
        raise _Unfit(f"{at}/{place}", "single values", "an object")
    if list not in kinds:
        return kinds
    found: set[type] = set()
    for number, value in enumerate(values):
        if type(value) is not list or len(value) != len(values[0]):
            came = f"one of {len(value)}" if type(value) is list else kind_of(value)
            wanted = len(values[0]) if type(values[0]) is list else "single values"
            raise _Unfit(f"{at}/{number}", "rows of equal length", f"{came} beside {wanted}")
        found |= _flat_kinds(value, f"{at}/{number}")
    return found


def _array(numpy: Foreign, values: list[Foreign], kinds: set[type]) -> Foreign:
    """Return an array that holds exactly what came: numpy alone would make 1 the text '1'."""
    if kinds <= {int} or kinds <= {bool} or kinds <= {str}:
        return numpy.array(values)
    if kinds <= {int, float, type(None)}:
        return numpy.array(values, dtype=float)
    return numpy.array(values, dtype=object)
