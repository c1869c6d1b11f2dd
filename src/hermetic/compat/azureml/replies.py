"""Errors as clients of Azure ML read them.

One object serves them all: the resource manager's `error` with a code and a message, and beside it
the members that the services had.  A client retries 408, 429 and what is above 499, so mistakes of
a person are 400 or 409.
"""

import msgspec

from hermetic.errors import (
    DeadlineExceeded,
    HermeticError,
    Unauthenticated,
    Unavailable,
    WorkerDied,
)
from hermetic.gateway.operations import code_of
from hermetic.wire.problems import Reply, presentable

_JSON = (b"content-type", b"application/json")
_BAD_GATEWAY = 502


def control_reply(error: BaseException, request_id: str) -> Reply:
    """Return the answer of the control plane to a request that ended with *error*."""
    known = presentable(error, request_id)
    code, message = code_of(known), known.text
    body = {
        "error": {"code": code, "message": message, "details": []},
        "code": code,
        "statusCode": known.status,
        "message": message,
        "details": [],
        "correlation": {"RequestId": request_id},
    }
    return Reply(known.status, _headers(known), msgspec.json.encode(body))


def scoring_reply(error: BaseException, request_id: str) -> Reply:
    """Return the answer to a call that ended with *error*.

    What breaks in a worker is behind this gateway (502); what it takes too long for is 504.
    """
    known = presentable(error, request_id)
    status = known.status
    if isinstance(known, WorkerDied) or (status == 500 and not isinstance(known, DeadlineExceeded)):
        status = _BAD_GATEWAY
    return Reply(status, _headers(known), msgspec.json.encode({"message": known.text}))


def _headers(error: HermeticError) -> list[tuple[bytes, bytes]]:
    headers = [_JSON]
    if isinstance(error, Unauthenticated):
        headers.append((b"www-authenticate", b'Bearer realm="hermetic"'))
    if isinstance(error, Unavailable):
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    return headers
