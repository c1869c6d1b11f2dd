"""A node without its database: the real protocol on a real socket, and a client of raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config

from hermetic.access.principals import Principal, Role
from hermetic.clock import system_clock
from hermetic.errors import Unauthenticated
from hermetic.gateway.routing import Routes
from hermetic.http.clients import Clients
from hermetic.http.limits import WireLimits
from hermetic.http.requests import RequestIds
from hermetic.node.metrics import Metrics
from hermetic.node.server import Listening, NodeServer, bind
from hermetic.serving.schema import Schema
from hermetic.serving.service import Entry, RuntimeKind, Service, ServiceKey
from hermetic.web.scoring import Refusing, Scoring, ScoringProtocol
from tests.support.execution import InstantExecution

WINE = ServiceKey("wine", "1.0")
WINE_SERVICE = Service(
    WINE, "anna", datetime(2026, 1, 1, tzinfo=UTC), RuntimeKind.PYTHON, Entry(), Schema()
)
TOKEN = b"good-token"
DEADLINE_S = 10.0


def authenticate(bearer: bytes, digest: bytes = b"") -> Principal:
    """Know one token, as `gateway.access` knows many."""
    if bearer != TOKEN:
        raise Unauthenticated("The token is not valid.")
    return Principal("admin", Role.OWNER)


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application that tells what it was asked, once it has read the body."""
    body, more = b"", True
    while more and scope["path"] != "/unread":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    told = {
        "method": scope["method"],
        "path": scope["path"],
        "fields": [name.decode() for name, _ in scope["headers"]],
        "request_id": scope["state"]["request_id"],
        "bytes": len(body),
    }
    answer = msgspec.json.encode(told)
    length = str(len(answer)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": answer})


@dataclass
class Answered:
    """One answer, taken apart; field names are in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        """Return the body, which is an object."""
        return msgspec.json.decode(self.body, type=dict[str, object])


@dataclass
class RawClient:
    """Sends bytes as they are, and reads answers one by one."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> Self:
        self.writer.write(data)
        await self.writer.drain()
        return self

    async def answer(self, *, head: bool = False) -> Answered:
        async with asyncio.timeout(DEADLINE_S):
            section = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = section.decode("latin-1").split("\r\n")[:-2]
            fields = {
                name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
            }
            length = 0 if head else int(fields.get("content-length", 0))
            body = await self.reader.readexactly(length)
        return Answered(int(first.split()[1]), fields, body)

    async def ask(self, data: bytes) -> Answered:
        return await (await self.send(data)).answer()

    async def ended(self) -> bytes:
        """Return what still comes until the other side closes."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.reader.read()

    def close(self) -> None:
        self.writer.close()


@dataclass
class WireNode:
    """A running server, and what stands behind it."""

    execution: InstantExecution
    metrics: Metrics
    clients: Clients[Scoring]
    server: NodeServer
    routes: Routes
    serving: asyncio.Task[bool]
    opened: list[RawClient] = field(default_factory=list)

    async def ended(self) -> bool:
        """Return what the server said at its end."""
        async with asyncio.timeout(DEADLINE_S):
            return await self.serving

    @property
    def port(self) -> int:
        return self.server.ports[0]

    async def connect(self) -> RawClient:
        client = RawClient(*await asyncio.open_connection("127.0.0.1", self.port))
        self.opened.append(client)
        return client

    async def ask(self, data: bytes) -> Answered:
        """Return the first answer to *data* on a connection of its own."""
        return await (await self.connect()).ask(data)


@asynccontextmanager
async def wire_node(
    *,
    limits: WireLimits | None = None,
    app: ASGIApp = echo,
    period_s: float = 1.0,
    notice_s: float = 0.0,
    hsts: bytes | None = None,
    authenticate: Callable[[bytes, bytes], Principal] = authenticate,
    settle: Callable[[], Awaitable[None]] | None = None,
    refusing: Refusing | None = None,
) -> AsyncIterator[WireNode]:
    """Serve on a port of the system's choice, until left; at most a second of grace."""
    routes, execution, metrics = Routes(), InstantExecution(), Metrics()
    routes.add(WINE)
    execution.place(WINE_SERVICE, None)
    scoring = Scoring(
        routes=routes,
        authenticate=authenticate,
        execution=execution,
        metrics=metrics,
        ids=RequestIds("test"),
        limits=limits,
        hsts=hsts,
        settle=settle,
    )
    scoring.refusing = refusing
    clients = Clients(configured(app), ScoringProtocol, scoring, system_clock)
    server = NodeServer(
        bind("127.0.0.1", 0),
        listen_plainly,
        clients,
        grace_s=1.0,
        period_s=period_s,
        notice_s=notice_s,
    )
    task = asyncio.create_task(server.serve())
    node = WireNode(execution, metrics, clients, server, routes, task)
    await server.started.wait()
    try:
        yield node
    finally:
        for client in node.opened:
            client.close()
        server.stop()
        await task


def configured(app: ASGIApp) -> Config:
    """Return what uvicorn wants to know of *app*."""
    return Config(app, ws="none", lifespan="off", log_config=None, proxy_headers=False)


async def listen_plainly(sockets: object, connect: Callable[[], asyncio.Protocol]) -> Listening:
    """Accept without TLS."""
    assert isinstance(sockets, tuple)
    return await asyncio.get_running_loop().create_server(connect, sock=sockets[0])


def call(
    body: bytes = b'{"x":1,"y":2}',
    *fields: bytes,
    path: bytes = b"/api/wine/1.0",
    token: bytes = TOKEN,
) -> bytes:
    """Return a call's bytes; *fields* are further header lines."""
    lines = b"".join(one + b"\r\n" for one in fields)
    return (
        b"POST %b HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer %b\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n%b\r\n%b"
        % (path, token, len(body), lines, body)
    )
