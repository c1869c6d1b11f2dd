"""How a request is known: by one id, in its answer, in the log and in its problem."""

import re
from collections.abc import Iterator
from itertools import count

FIELD = b"x-request-id"
# Wide enough for a UUID or a trace, too narrow for a line break or a quote in a log.
WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")


class RequestIds:
    """Names requests: a prefix of the process, drawn once, and a number.

    *prefix* is chosen at random outside tests, so that ids of two processes differ.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix.encode()
        self._numbers: Iterator[int] = count(1)

    def take(self, offered: bytes | None) -> bytes:
        """Return the id the client *offered*, if it is well-formed, or a fresh one."""
        if offered is not None and WELL_FORMED.match(offered):
            return offered
        return b"%b-%x" % (self._prefix, next(self._numbers))
