"""What holds for every request that reaches ASGI: a token, a request id, and a clear failure."""

import re
from collections.abc import Awaitable, Callable, Iterable

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hermetic.access.principals import Principal
from hermetic.errors import BadInput, HermeticError, Unauthenticated
from hermetic.fronts.proxies import Proxies
from hermetic.http.forwarded import settle
from hermetic.http.framing import AMBIGUOUS
from hermetic.http.requests import FIELD
from hermetic.log import bind_request, logger
from hermetic.wire.openapi import Operation
from hermetic.wire.problems import Reply, reply

log = logger(__name__)

MISSING = "Send a token as `Authorization: Bearer …`; `POST /login` or `hermetic login` gives one."

_SECURITY = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


class Gate:
    """Lets a request in, or answers it; the outermost of the application.

    Args:
        is_open: Whether a method at a path needs no token, such as `opened_by` returns.
        authenticate: Takes a token and raises `Unauthenticated`.
        hsts: The value of `strict-transport-security`, or `None` in plain HTTP.
        settle: Learns what other nodes have decided meanwhile; asked before a token is refused
            that one of them may have given out just now.
        proxies: Whose word on the client is believed; `None` for nobody's.
        replies: How errors look to those who speak to this application.
    """

    def __init__(
        self,
        app: ASGIApp,
        is_open: Callable[[str, str], bool],
        authenticate: Callable[[bytes], Principal],
        hsts: bytes | None = None,
        settle: Callable[[], Awaitable[None]] | None = None,
        proxies: Proxies | None = None,
        replies: Callable[[BaseException, str], Reply] = reply,
    ) -> None:
        self._is_open, self._replies = is_open, replies
        self._app, self._authenticate, self._settle = app, authenticate, settle
        self._proxies = proxies or Proxies()
        self._headers = [*_SECURITY]
        if hsts is not None:
            self._headers.append((b"strict-transport-security", hsts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer for whatever becomes of it."""
        request_id: str = scope["state"]["request_id"]
        bind_request(request_id)
        settle(scope, self._proxies)
        started = False

        async def named(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = [(FIELD, request_id.encode()), *self._headers]
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        try:
            await self._admit_settled(scope)
            await self._app(scope, receive, named)
        except ClientDisconnect:
            log.debug("request.abandoned")
        except Exception as error:
            # A request is one of the five borders: what breaks it must not break the next.
            _tell(error, scope)
            if not started:
                await _answer(self._replies(error, request_id), scope, named)

    async def _admit_settled(self, scope: Scope) -> None:
        try:
            self._admit(scope)
        except Unauthenticated as error:
            if not error.unsettled or self._settle is None:
                raise
            await self._settle()
            self._admit(scope)

    def _admit(self, scope: Scope) -> None:
        raw: bytes = scope["raw_path"]
        if b"%" in raw and any(code in raw.lower() for code in AMBIGUOUS):
            raise BadInput("An address holds no encoded slash, backslash or NUL.")
        if self._is_open(scope["method"], scope["path"]):
            return
        bearer = Headers(scope=scope).get("authorization", "")
        if bearer[:7].lower() != "bearer ":
            raise Unauthenticated(MISSING)
        token = bearer[7:].strip().encode("latin-1")
        scope["state"]["principal"] = self._authenticate(token)


def opened_by(operations: Iterable[Operation]) -> Callable[[str, str], bool]:
    """Return what tells whether a method at a path needs no token: what is open in *operations*."""
    known = [(one.method, _form(one.path)) for one in operations if one.open]

    def is_open(method: str, path: str) -> bool:
        asked = "GET" if method == "HEAD" else method
        return any(asked == opened and form.fullmatch(path) for opened, form in known)

    return is_open


def _form(path: str) -> re.Pattern[str]:
    steps = ("[^/]+" if step.startswith("{") else re.escape(step) for step in path.split("/"))
    return re.compile("/".join(steps))


def _tell(error: Exception, scope: Scope) -> None:
    # The route and not the path, in which there may be a token.
    route = getattr(scope.get("route"), "path", None)
    if isinstance(error, HermeticError) and type(error) is not HermeticError:
        level = log.warning if error.status >= 500 else log.info
        level("request.failed", method=scope["method"], route=route, problem=error.type)
    else:
        log.error("request.broke", method=scope["method"], route=route, exc_info=error)


async def _answer(answer: Reply, scope: Scope, send: Send) -> None:
    length = (b"content-length", str(len(answer.body)).encode())
    headers = [*answer.headers, length, *scope["state"].get("headers", ())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
