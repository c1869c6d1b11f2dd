"""Calls of services, answered on the connection itself.

A `POST /api/{name}/{version}` to a published service never becomes an ASGI request: the token is
looked up, the body handed to the execution as it came, the answer written in one piece.  That
saves the larger part of what a framework would cost, and is all this module may do; whatever
else arrives goes to ASGI unchanged.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Protocol

import httptools
from uvicorn import Config
from uvicorn.server import ServerState

from hermetic.access.principals import Principal
from hermetic.client.execution import Answer, Execution
from hermetic.errors import BodyTooLarge, HermeticError, Unauthenticated
from hermetic.log import logger
from hermetic.node.metrics import CallFigures, Metrics
from hermetic.serving.service import ServiceKey
from hermetic.web.connection import NOTHING, Connection, Exchange, Shared
from hermetic.web.limits import WireLimits
from hermetic.web.requests import RequestIds

log = logger(__name__)

# Above this a second write costs less than a copy of the body.
_COPIED = 64 * 1024
# A refused request of this size is read to its end, so that the connection can stay open.
_READ_THOUGH_REFUSED = 64 * 1024
_RAISED = (b'{"success":false', b'{"success": false')
# To some servers these part a path, to others they are letters.
AMBIGUOUS = (b"%2f", b"%5c", b"%00")
MISSING = "Send a token as `Authorization: Bearer …`; `POST /login` or `hermetic login` gives one."


class Routing(Protocol):
    """Knows which service is called at an address (`gateway.routing`)."""

    def find(self, path: bytes) -> ServiceKey | None:
        """Return the service called at *path*, or `None`."""


class Scoring(Shared):
    """What all connections of a node need to answer calls.

    *authenticate* takes a token, never waits, and raises `Unauthenticated`.
    """

    def __init__(
        self,
        *,
        routes: Routing,
        authenticate: Callable[[bytes], Principal],
        execution: Execution,
        metrics: Metrics,
        ids: RequestIds,
        limits: WireLimits | None = None,
        hsts: bytes | None = None,
    ) -> None:
        super().__init__(limits=limits or WireLimits(), ids=ids, hsts=hsts)
        self.find, self.authenticate = routes.find, authenticate
        self.submit, self.calls = execution.submit, metrics.calls
        self.head = b""
        self.dated(b"")

    def dated(self, date: bytes) -> None:
        """Let answers from now on carry *date*, a header line or nothing."""
        self.date = date
        self.head = b"HTTP/1.1 200 OK\r\n%b%bcontent-type: application/json\r\n" % (
            date,
            self.security,
        )


class Call:
    """One call: the exchange from its header to its answer."""

    # Most calls change none of these: to set them each time would cost more than all the rest.
    body: bytes | bytearray = b""
    error: HermeticError | None = None
    began = 0.0
    complete = submitted = expects = disconnected = response_complete = False

    def __init__(
        self,
        connection: "ScoringProtocol",
        key: ServiceKey,
        figures: CallFigures,
        *,
        keep_alive: bool,
    ) -> None:
        self.connection, self.key, self.figures = connection, key, figures
        self.request_id, self.keep_alive = connection.request_id, keep_alive

    def answer(self, answer: Answer) -> None:
        """Take how the call ended; this is what the execution calls."""
        body, error, queued_s, executed_s = answer
        total_s = perf_counter() - self.began
        if error is None:
            # Only the worker reads the JSON; that the service's code raised shows at its start.
            outcome = "raised" if body.startswith(_RAISED) else "answered"
        else:
            outcome = error.type
            (log.warning if error.status >= 500 else log.debug)(
                "call.failed",
                service=self.key.name,
                version=self.key.version,
                problem=outcome,
                request_id=self.request_id.decode(),
            )
        self.figures.observe(outcome, total_s, queued_s, executed_s)
        if not self.disconnected:
            self.connection.write_answer(self, body, error)


class ScoringProtocol(Connection):
    """A connection that answers calls itself."""

    def __init__(self, config: Config, state: ServerState, shared: Scoring) -> None:
        super().__init__(config, state, shared)
        self.scoring = shared
        self.figures: CallFigures | None = None

    def open(self, fields: dict[bytes, bytes], keep_alive: bool) -> None:
        """Put a call in line if the request is one, else leave it to ASGI."""
        key = self._service() if self.parser.get_method() == b"POST" else None
        if key is None:
            super().open(fields, keep_alive)
            return
        call = self.reading = Call(self, key, self._figures(key), keep_alive=keep_alive)
        self._authenticate(call, fields.get(b"authorization", b""))
        length = fields.get(b"content-length")
        if length is not None and int(length) > self.limits.call_bytes:
            self._fail(call, self._too_large())
        if b"expect" in fields:
            call.expects = fields[b"expect"].lower() == b"100-continue"
        if call.error is not None and (
            call.expects or length is None or int(length) > _READ_THOUGH_REFUSED
        ):
            self.reading = None
            self.stop(call.error)
        self.exchanges.append(call)
        if call.expects and len(self.exchanges) == 1:
            self.begin(call)

    def _figures(self, key: ServiceKey) -> CallFigures:
        """Return where calls of *key* are counted; mostly the same as for the last call."""
        if self.figures is None or self.figures.key is not key:
            self.figures = self.scoring.calls(key)
        return self.figures

    def _authenticate(self, call: Call, bearer: bytes) -> None:
        try:
            if bearer[:7].lower() != b"bearer ":
                self._fail(call, Unauthenticated(MISSING))
            else:
                self.scoring.authenticate(bearer[7:].strip())
        except Unauthenticated as error:
            self._fail(call, error)

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a call's body."""
        call = self.reading
        if type(call) is not Call:
            super().on_body(body)
            return
        self.framing_bytes = -self.chunk
        if call.error is not None:
            return
        if not call.body:
            call.body = body
            return
        if isinstance(call.body, bytes):
            call.body = bytearray(call.body)
        call.body += body
        if len(call.body) > self.limits.call_bytes:
            call.figures.refuse(BodyTooLarge.type)
            self.stop(self._too_large())

    def on_message_complete(self) -> None:
        """Run a call that was read to its end, if it is its turn."""
        call = self.reading
        if type(call) is not Call:
            super().on_message_complete()
            return
        self.reading, self.phase = None, NOTHING
        if not call.keep_alive:
            self.deaf = True
        call.complete = True
        call.began = perf_counter()
        if self.exchanges[0] is call:
            self.begin(call)

    def begin(self, exchange: Exchange) -> None:
        """Run a call whose turn it is, once it was read to its end."""
        if type(exchange) is not Call:
            super().begin(exchange)
        elif exchange.complete:
            if not exchange.submitted and not self.flow.write_paused:
                exchange.submitted = True
                if exchange.error is not None:
                    self.write_answer(exchange, b"", exchange.error)
                else:
                    self.scoring.submit(exchange.key, bytes(exchange.body), exchange.answer)
        elif exchange.expects:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def resume_writing(self) -> None:
        """Go on with a call that waited for the client to read earlier answers."""
        super().resume_writing()
        if self.exchanges and type(self.exchanges[0]) is Call:
            self.begin(self.exchanges[0])

    def write_answer(self, call: Call, body: bytes, error: HermeticError | None) -> None:
        """Write how *call* ended, and go on with the next exchange."""
        call.response_complete = True
        if error is not None:
            self.write_problem(error, call.request_id, keep_alive=call.keep_alive)
        else:
            small = len(body) <= _COPIED
            self.transport.write(
                b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b%b"
                % (
                    self.scoring.head,
                    len(body),
                    call.request_id,
                    b"\r\n" if call.keep_alive else b"connection: close\r\n\r\n",
                    body if small else b"",
                )
            )
            if not small:
                self.transport.write(body)
        if not call.keep_alive:
            self.transport.close()
        self.finish()

    def _service(self) -> ServiceKey | None:
        url = self.url
        key = self.scoring.find(url)
        if key is None or b"%" in url:
            return self._service_spelled_otherwise(url)
        return key

    def _service_spelled_otherwise(self, url: bytes) -> ServiceKey | None:
        try:
            path = httptools.parse_url(url).path
        except httptools.HttpParserInvalidURLError:
            return None
        # An encoded slash is another address to some, so it is no service's to us.
        if path is None or any(code in path.lower() for code in AMBIGUOUS):
            return None
        return self.scoring.find(path)

    def _fail(self, call: Call, error: HermeticError) -> None:
        if call.error is None:
            call.error = error
            call.figures.refuse(error.type)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"Send at most {self.limits.call_bytes} bytes in one call.")
