"""Waiting for what was begun."""

import time
from collections.abc import Callable

from azureml.core._node import Json, Node

ENDED = {"Succeeded", "Failed", "Canceled", "Cancelled", "TimedOut"}
_ASK_AGAIN_S = 0.5


def ended(
    node: Node,
    operation: str,
    *,
    show: Callable[[str], None] | None = None,
    within_s: float | None = None,
) -> Json | None:
    """Return *operation* once it has ended, or `None` if it has not *within_s* seconds.

    Args:
        operation: Where it can be asked for.
        show: Is told each line that it writes.

    Raises:
        Refused: It is not there.
    """
    until = None if within_s is None else time.monotonic() + within_s
    shown = 0
    while True:
        told = node.ask("GET", operation).body
        lines = [one for one in str(told.get("streamingOperationLog") or "").split("#") if one]
        for line in lines[shown:]:
            if show is not None:
                show(line.partition("|")[2])
        shown = max(shown, len(lines))
        if (told.get("status") or told.get("state")) in ENDED:
            return told
        if until is not None and time.monotonic() > until:
            return None
        time.sleep(_ASK_AGAIN_S)
