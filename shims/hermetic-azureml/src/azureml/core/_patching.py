"""Changes and questions, as the wire has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from azureml.core._node import Json


def item(path: str, value: object, op: str = "replace") -> Json:
    """Return one item of a JSON patch (RFC 6902)."""
    return {"op": op, "path": f"/{path}", "value": value}


def changes(told: Mapping[str, object], names: Mapping[str, str]) -> list[Json]:
    """Return the items that set what is told, by its names on the wire."""
    return [item(names[name], told[name]) for name in names if told.get(name) is not None]


def asked_for(words: Sequence[Any] | None) -> str | None:
    """Return `'key'` and `['key', 'value']` as a query has them."""
    if not words:
        return None
    return ",".join(one if isinstance(one, str) else f"{one[0]}={one[1]}" for one in words)
