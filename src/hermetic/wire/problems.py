"""Errors as the other side sees them: RFC 9457 problems, and back.

One object serves every client: the members of RFC 9457, the error object of ML Server 9.x
(`message`, `link`, `exceptionType`), the one its service descriptions promise (`code`,
`message`, `fields`) and the `error` of the Open Inference Protocol.  The cause of an error is
never sent: of a fault of ours a stranger learns only the request's id.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from inspect import cleandoc
from typing import NamedTuple

import msgspec

from hermetic.errors import (
    CertificateRejected,
    HermeticError,
    InputMismatch,
    Mismatch,
    ServiceExists,
    ServiceNotFound,
    ServiceUnloadable,
    TooManyAttempts,
    Unauthenticated,
    Unavailable,
    WorkerDied,
)

MEDIA_TYPE = "application/problem+json"
_PAGES = "/problems/"
_INSTANCE = "urn:hermetic:request:"
_MARK = "MARK-OF-THE-REQUEST"
_REFUSED = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"www-authenticate", b'Bearer realm="hermetic"'),
]


class Reply(NamedTuple):
    """An error, ready for the wire; the headers hold no content-length."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def reply(error: BaseException, request_id: str) -> Reply:
    """Return the answer to a request that ended with *error*."""
    if isinstance(error, Unauthenticated):
        # Whoever sends many of these is to cost as little as can be.
        before, after = _refusal(error.text)
        return Reply(error.status, _REFUSED, before + request_id.encode() + after)
    return _reply(error, request_id)


@lru_cache(maxsize=64)
def _refusal(text: str) -> tuple[bytes, bytes]:
    """Return what stands before and after the request's id in a refusal that says *text*."""
    before, _, after = _reply(Unauthenticated(text), _MARK).body.partition(_MARK.encode())
    return before, after


def _reply(error: BaseException, request_id: str) -> Reply:
    known = presentable(error, request_id)
    headers = list(_REFUSED if isinstance(known, Unauthenticated) else _REFUSED[:1])
    wait = _retry_after(known)
    if wait is not None:
        headers.append((b"retry-after", b"%d" % wait))
    return Reply(known.status, headers, msgspec.json.encode(problem(known, request_id)))


def problem(error: BaseException, request_id: str) -> dict[str, object]:
    """Return the members of the problem, in the order a person wants to read them."""
    known = presentable(error, request_id)
    address, text, members = _PAGES + known.type, known.text, dict(known.members)
    wait = _retry_after(known)
    if wait is not None:
        members["retryAfter"] = wait
    mismatches = known.mismatches if isinstance(known, InputMismatch) else ()
    return members | {
        "type": address,
        "title": title(type(known)),
        "status": known.status,
        "detail": text,
        "instance": _INSTANCE + request_id,
        "message": text,
        "link": address,
        "exceptionType": type(known).__name__,
        "code": known.status,
        "fields": ", ".join(one.pointer for one in mismatches),
        "error": text,
    }


def from_problem(status: int, body: bytes) -> HermeticError:
    """Return the error that the other side raised, as the same class where we know it.

    A body that is no problem of ours (a proxy's page, a newer node's type) becomes an error
    of the class that stands for *status*; nothing in *body* can make this fail.
    """
    try:
        members = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members = {}
    text = str(members.get("detail") or members.get("message") or f"The answer was HTTP {status}.")
    name = str(members.get("type", "")).rpartition("/")[2]
    kind = kinds().get(name) or _kind_for(status)
    if issubclass(kind, Unavailable):
        return kind(text, _wait(members))
    revive = _REVIVED.get(kind)
    if revive is not None:
        return revive(text, members)
    error = kind.__new__(kind)
    HermeticError.__init__(error, text)
    return error


def kinds() -> Mapping[str, type[HermeticError]]:
    """Return every class of the tree by its problem type."""
    return {kind.type: kind for kind in _tree(HermeticError)}


def title(kind: type[HermeticError]) -> str:
    """Return the short name of the problem type, the same at every occurrence."""
    return kind.type.replace("-", " ").capitalize()


def page(kind: type[HermeticError]) -> str:
    """Return what the manual says of *kind*, as plain text."""
    return (
        f"{title(kind)}\n\n{cleandoc(kind.__doc__ or '')}\n\n"
        f"HTTP status {kind.status}; a command exits with {kind.exit_code}.\n"
    )


def _tree(kind: type[HermeticError]) -> Iterator[type[HermeticError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _tree(narrower)


def presentable(error: BaseException, request_id: str) -> HermeticError:
    """Return *error* as a stranger may see it: a fault of ours by the request's id alone."""
    # Exactly `HermeticError` is a fault of ours, so its text is for the log and not for a stranger.
    if isinstance(error, HermeticError) and type(error) is not HermeticError:
        return error
    return HermeticError(
        f"Something went wrong inside the node. Its log says what, under the id {request_id}."
    )


def _retry_after(error: HermeticError) -> int | None:
    if isinstance(error, TooManyAttempts | Unavailable):
        return error.retry_after_s
    return None


def _kind_for(status: int) -> type[HermeticError]:
    # The tree lists the broad class before the narrow ones, so the first of a status is broadest.
    for kind in _tree(HermeticError):
        if kind.status == status and kind is not HermeticError:
            return kind
    return kinds()["bad-input"] if 400 <= status < 500 else HermeticError


def _wait(members: Mapping[str, object]) -> int:
    wait = members.get("retryAfter")
    return wait if isinstance(wait, int) else 1


def _mismatches(members: Mapping[str, object]) -> Iterator[Mismatch]:
    listed = members.get("errors")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            yield Mismatch(str(one.get("pointer", "")), str(one.get("message", "")))


def _worker_died(text: str, members: Mapping[str, object]) -> WorkerDied:
    status = members.get("exitStatus")
    return WorkerDied(
        text, status if isinstance(status, int) else None, str(members.get("stderr", ""))
    )


_REVIVED: Mapping[type[HermeticError], Callable[[str, Mapping[str, object]], HermeticError]] = {
    InputMismatch: lambda text, m: InputMismatch(text, tuple(_mismatches(m))),
    CertificateRejected: lambda text, m: CertificateRejected(str(m.get("reason", "")), text),
    ServiceUnloadable: lambda text, m: ServiceUnloadable(text, str(m.get("traceback", ""))),
    ServiceNotFound: lambda _, m: ServiceNotFound(str(m.get("service")), str(m.get("version"))),
    ServiceExists: lambda _, m: ServiceExists(str(m.get("service")), str(m.get("version"))),
    TooManyAttempts: lambda text, m: TooManyAttempts(text, _wait(m)),
    Unauthenticated: lambda text, _: Unauthenticated(text),
    WorkerDied: _worker_died,
}
