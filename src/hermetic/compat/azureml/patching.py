"""JSON patches (RFC 6902), as far as clients of Azure ML send them: add, replace and remove."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from hermetic.compat.azureml.messages import PatchItem
from hermetic.errors import BadInput

_OPERATIONS = ("add", "replace", "remove")


def patched(document: Mapping[str, Any], items: Sequence[PatchItem]) -> dict[str, Any]:
    """Return *document* as *items* change it; folders on the way that are missing are made.

    Raises:
        BadInput: An operation is unknown, or leads through something that has no members.
    """
    found = deepcopy(dict(document))
    for item in items:
        if item.op not in _OPERATIONS:
            raise BadInput(f"{item.op[:40]!r} is no change: use one of {', '.join(_OPERATIONS)}.")
        *parents, last = _steps(item.path)
        place = found
        for step in parents:
            if place.get(step) is None:
                place[step] = {}
            place = place[step]
            if not isinstance(place, dict):
                raise BadInput(f"{item.path[:200]!r} leads through what has no members.")
        if item.op == "remove":
            place.pop(last, None)
        else:
            place[last] = item.value
    return found


def _steps(path: str) -> list[str]:
    if not path.startswith("/"):
        raise BadInput(f"{path[:200]!r} is no path in a document: begin it with a slash.")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
