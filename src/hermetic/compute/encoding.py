"""From what the code of a service left behind to JSON.

Runs in a worker: standard library only.  What numpy and pandas make is known by its methods, so
neither is imported here.  NaN and the infinities become `null`, because JSON has neither.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hermetic.errors import HermeticError

Foreign = Any
"""A value that is not ours: what JSON held, or what the code of a service made."""


class _Unfit(Exception):  # never leaves this module: told as a HermeticError
    def __init__(self, expected: str, came: str) -> None:
        super().__init__()
        self.expected, self.came = expected, came


class Outputs:
    """The declared outputs of a service: turns what its code left into JSON values."""

    def __init__(self, declared: Iterable[tuple[str, str]]) -> None:
        pairs = tuple(declared)
        self.names = tuple(name for name, _ in pairs)
        self._encoders = tuple((name, type_, _ENCODERS[type_]) for name, type_ in pairs)

    def write(self, values: dict[str, Foreign]) -> dict[str, Foreign]:
        """Return the declared outputs among *values*, ready for `to_json`.

        Raises:
            HermeticError: One is missing, or does not fit its declared type.
        """
        written = {}
        for name, type_, encode in self._encoders:
            if name not in values:
                raise HermeticError(f"The code did not set its output {name!r} ({type_}).")
            value = values[name]
            try:
                written[name] = None if value is None else encode(value)
            except _Unfit as unfit:
                raise HermeticError(
                    f"Output {name!r} ({type_}) must be {unfit.expected}; the code set"
                    f" {unfit.came}."
                ) from None
        return written


_encode = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":")).encode


def to_json(value: Foreign) -> str:
    """Return *value* as JSON: NaN becomes null, numpy scalars numbers, dates ISO texts.

    Raises:
        HermeticError: There is something in it that JSON cannot say.
    """
    try:
        try:
            return _encode(value)
        except (ValueError, TypeError):
            return _encode(_plain(value))
    except RecursionError:
        raise HermeticError("An output is nested too deeply, or contains itself.") from None


def _plain(value: Foreign) -> Foreign:
    """Return *value* in what JSON knows."""
    plain = _PLAIN.get(type(value))
    if plain is None:
        kinds = (kind for kind in type(value).__mro__ if kind in _PLAIN)
        plain = _PLAIN.get(next(kinds, object), _plain_of_a_library)
    return plain(value)


def _unchanged(value: Foreign) -> Foreign:
    return value


def _finite(value: float) -> float | None:
    return float(value) if value - value == 0 else None


def _plain_items(value: dict[Foreign, Foreign]) -> Foreign:
    return {_key(key): _plain(one) for key, one in value.items()}


def _plain_elements(value: Iterable[Foreign]) -> Foreign:
    return [_plain(one) for one in value]


_PLAIN: dict[type, Callable[[Foreign], Foreign]] = {
    type(None): _unchanged,
    bool: _unchanged,
    str: _unchanged,
    int: int,
    float: _finite,
    dict: _plain_items,
    list: _plain_elements,
    tuple: _plain_elements,
}


def _plain_of_a_library(value: Foreign) -> Foreign:
    """Return what numpy, pandas and the like made, known by its methods, in what JSON knows."""
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        return _plain(_frame_out(value))
    for method in ("tolist", "isoformat"):
        if hasattr(value, method):
            plain = getattr(value, method)()
            if plain is not value:
                # pandas says "NaT" for a moment that is missing.
                return None if plain == "NaT" else _plain(plain)
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if type(value).__name__ == "Decimal":
        return _plain(float(value))
    raise HermeticError(f"An output holds a value of type {type(value).__name__}, not JSON.")


def _key(key: Foreign) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, (int, float)) or hasattr(key, "item") or hasattr(key, "isoformat"):
        return str(key)
    raise HermeticError(f"An output has a key of type {type(key).__name__}; use texts.")


def _single(value: Foreign) -> Foreign:
    """Return the one value in a numpy scalar or an array of one element, else *value*."""
    return value.item() if getattr(value, "size", None) == 1 and hasattr(value, "item") else value


def _numeric_out(value: Foreign) -> Foreign:
    value = _single(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        value = _number(value)
    return value


def _number(value: Foreign) -> float:
    if isinstance(value, bool) or not hasattr(type(value), "__float__"):
        raise _Unfit("a number", _kind(value))
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _Unfit("a number", _kind(value)) from None


def _integer_out(value: Foreign) -> int:
    value = _single(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise _Unfit("a whole number", _kind(value))


def _logical_out(value: Foreign) -> bool:
    value = _single(value)
    if isinstance(value, bool):
        return value
    raise _Unfit("True or False", _kind(value))


def _character_out(value: Foreign) -> str:
    value = _single(value)
    if isinstance(value, str):
        return str(value)
    raise _Unfit("a text", _kind(value))


def _vector_out(value: Foreign) -> list[Foreign]:
    if getattr(value, "ndim", 1) and hasattr(value, "tolist"):
        return list(value.tolist())
    if isinstance(value, (list, tuple, range)):
        return list(value)
    raise _Unfit("a list or an array", _kind(value))


def _matrix_out(value: Foreign) -> list[Foreign]:
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    rows = _vector_out(value)
    rows = [row.tolist() if hasattr(row, "tolist") else row for row in rows]
    if not all(isinstance(row, (list, tuple)) for row in rows):
        raise _Unfit("an array of two dimensions or a list of rows", _kind(value))
    if len({len(row) for row in rows}) > 1:
        raise _Unfit("rows of equal length", "rows of different lengths")
    return rows


def _frame_out(value: Foreign) -> dict[str, Foreign]:
    if hasattr(value, "iloc") and hasattr(value, "columns"):
        names = [str(name) for name in value.columns]
        columns: Sequence[Foreign] = [value.iloc[:, n].tolist() for n in range(len(names))]
    elif isinstance(value, dict):
        names = [_key(name) for name in value]
        columns = [_vector_out(column) for column in value.values()]
    else:
        raise _Unfit("a data frame or a dict of columns", _kind(value))
    if len(set(names)) != len(names):
        raise _Unfit("columns with a name each", "two columns of one name")
    if len({len(column) for column in columns}) > 1:
        raise _Unfit("columns of equal length", "columns of different lengths")
    return dict(zip(names, columns, strict=True))


def _kind(value: object) -> str:
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"a {type(value).__name__} of shape {shape}"
    return "None" if value is None else f"a value of type {type(value).__name__}"


_ENCODERS: dict[str, Callable[[Foreign], Foreign]] = {
    "numeric": _numeric_out,
    "integer": _integer_out,
    "logical": _logical_out,
    "character": _character_out,
    "vector": _vector_out,
    "matrix": _matrix_out,
    "data.frame": _frame_out,
}
