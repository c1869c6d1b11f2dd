"""What an address of the API does, and how bodies go in and out.

The table of endpoints is the one place an operation stands in: routes, the list of addresses
that need no token, and the OpenAPI description are all made from it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hermetic.access.principals import Principal
from hermetic.client.content import Content
from hermetic.errors import BodyTooLarge, MethodNotAllowed, Unauthenticated
from hermetic.wire.messages import decode, encode
from hermetic.wire.openapi import Operation

T = TypeVar("T")

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """An operation, and what answers it."""

    operation: Operation
    handler: Handler


class Methods:
    """All that can be done at one address; an ASGI application."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = dict(handlers)
        if "GET" in handlers:
            # The server leaves the body of the answer out (RFC 9110, 9.3.2).
            self._handlers["HEAD"] = handlers["GET"]
        self._allowed = ", ".join(sorted({*self._handlers, "OPTIONS"}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the method's handler, or say which methods there are."""
        request = Request(scope, receive, send)
        handler = self._handlers.get(request.method)
        if handler is not None:
            answer = await handler(request)
        elif request.method == "OPTIONS":
            answer = Response(status_code=204, headers={"allow": self._allowed})
        else:
            scope["state"]["headers"] = [(b"allow", self._allowed.encode())]
            raise MethodNotAllowed(f"Use one of {self._allowed} here, not {request.method}.")
        await answer(scope, receive, send)


def routes(endpoints: Iterable[Endpoint]) -> list[Route]:
    """Return one route for each address."""
    by_path: dict[str, dict[str, Handler]] = {}
    for endpoint in endpoints:
        methods = by_path.setdefault(endpoint.operation.path, {})
        methods[endpoint.operation.method] = endpoint.handler
    return [Route(path, Methods(handlers)) for path, handlers in by_path.items()]


def principal_of(request: Request) -> Principal:
    """Return who sent *request*; only where the middleware demanded a token."""
    principal = request.scope["state"].get("principal")
    if not isinstance(principal, Principal):
        raise Unauthenticated("Send a token.")
    return principal


async def read(request: Request, kind: type[T], *, most: int) -> T:
    """Return the JSON body of *request* as a *kind*; at most *most* bytes are read."""
    return decode(await read_raw(request, most=most), kind)


async def read_raw(request: Request, *, most: int) -> bytes:
    """Return the body of *request* as it came; at most *most* bytes are read."""
    body = bytearray()
    async for piece in pieces(request, most=most):
        body += piece
    return bytes(body)


async def pieces(request: Request, *, most: int) -> AsyncIterator[bytes]:
    """Return the body piece by piece, or raise `BodyTooLarge` once it exceeds *most* bytes."""
    too_large = BodyTooLarge(f"Send at most {most} bytes here.")
    announced = request.headers.get("content-length", "0")
    if int(announced) > most:
        raise too_large
    seen = 0
    async for piece in request.stream():
        seen += len(piece)
        if seen > most:
            raise too_large
        if piece:
            yield piece


def json(value: object, status: int = 200) -> Response:
    """Return an answer with *value* as JSON."""
    return Response(encode(value), status, media_type="application/json")


class Streamed(Response):
    """An answer that passes content on piece by piece, and closes it whatever happens."""

    def __init__(self, request: Request, content: Content, media_type: str, name: str) -> None:
        super().__init__(
            media_type=media_type,
            headers={
                "content-length": str(content.size),
                "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            },
        )
        self._request, self._content = request, content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces until the client has them all, or is gone."""
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            async for piece in self._content.pieces:
                if await self._request.is_disconnected():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            await self._content.close()
