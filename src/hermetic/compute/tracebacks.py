"""Tracebacks as the author of a service's code wants to see them; standard library only."""

import os
import traceback

from hermetic.errors import HermeticError

_OURS = os.path.dirname(__file__)
_MOST = 16 * 1024


def explain(error: BaseException) -> str:
    """Return how the code of a service failed: the traceback of its own frames.

    Our own errors are a sentence already, and `sys.exit` gets one.
    """
    if isinstance(error, HermeticError):
        return error.text
    if isinstance(error, SystemExit):
        return f"The code ended the interpreter with sys.exit({error.code!r}) instead of returning."
    try:
        told = traceback.TracebackException.from_exception(error)
        _leave_out_ours(told)
        text = "".join(told.format())
    except (MemoryError, RecursionError):
        text = type(error).__name__
    if len(text) > _MOST:
        text = f"[…]\n{text[-_MOST:]}"
    if isinstance(error, MemoryError):
        text += "The code needed more memory than a worker may take.\n"
    return text


def _leave_out_ours(told: traceback.TracebackException | None) -> None:
    seen = set()
    while told is not None and id(told) not in seen:
        seen.add(id(told))
        told.stack = traceback.StackSummary.from_list(
            [
                frame
                for frame in told.stack
                if not frame.filename.startswith((_OURS, "<frozen importlib"))
            ]
        )
        if told.__cause__ is not None and told.__context__ is not None:
            _leave_out_ours(told.__context__)
        told = told.__cause__ or told.__context__
