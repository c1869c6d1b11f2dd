"""OpenSSL's queue of errors, kept empty between connections.

Each thread has one queue, and whether an operation on a connection has failed is told by whether
something lies in it.  `ssl` empties it when it raises.  But a fatal alert that arrives while a
connection is being shut down ends the shutdown *well*, with the error left behind: the next
operation on whatever connection of that thread then fails for it.  So anybody who can connect
could end the connections of others (seen on Python 3.11 with asyncio: a client that answers
close_notify with an alert takes one healthy connection with it).
"""

import _ssl
import ctypes
from collections.abc import Callable
from functools import cache

from hermetic.log import logger

log = logger(__name__)


@cache
def libcrypto() -> ctypes.CDLL | None:
    """Return the libcrypto that `ssl` uses, or `None` where it cannot be reached.

    It is found in what `_ssl` is linked to, so that it is no other: `cryptography` brings an
    OpenSSL of its own.
    """
    try:
        return ctypes.CDLL(getattr(_ssl, "__file__", None))
    except OSError as error:
        log.warning("tls.openssl_not_reached", reason=str(error))
        return None


@cache
def _emptying() -> Callable[[], None]:
    try:
        empty: Callable[[], None] = getattr(libcrypto(), "ERR_clear_error")  # noqa: B009
    except AttributeError as error:
        log.warning("tls.errors_not_cleared", reason=str(error))
        return lambda: None
    return empty


def clear() -> None:
    """Empty the queue of this thread; half a microsecond."""
    _emptying()()
