"""One event, one line.

A module asks for its logger once, `log = logger(__name__)`, and writes constant dotted event
names with fields: `log.info("certificate.renewed", names=names)`.  Each line carries the node
and, inside a request, the request's id.  Keys, tokens, bodies and argument values are never
given to a logger.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, merge_contextvars
from structlog.typing import FilteringBoundLogger

Logger = FilteringBoundLogger


def logger(name: str) -> Logger:
    """Return the logger of the module *name*."""
    return cast(Logger, structlog.get_logger(module=name))


def configure(*, node: str, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every event from now on to *stream* (standard error unless told otherwise).

    To a terminal the lines are written for people, elsewhere as one JSON object each.
    """
    target = sys.stderr if stream is None else stream
    render = (
        structlog.dev.ConsoleRenderer()
        if target.isatty()
        else structlog.processors.JSONRenderer(sort_keys=True)
    )
    structlog.configure(
        processors=[
            merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    clear_contextvars()
    bind_contextvars(node=node)


@contextmanager
def for_a_command(*, node: str, level: int) -> Iterator[None]:
    """Send events to standard error for the block: what a command prints is not a log."""
    before = structlog.get_config()
    configure(node=node, level=level)
    try:
        yield
    finally:
        clear_contextvars()
        structlog.configure(**before)


def bind_request(request_id: str) -> None:
    """Let every line written in this task carry *request_id*."""
    bind_contextvars(request_id=request_id)
