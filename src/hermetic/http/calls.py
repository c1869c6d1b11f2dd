"""Calls of services, answered on the connection itself.

A `POST` to an address that means a service never becomes an ASGI request: the body is handed to
the execution as it came, the answer written in one piece.  That saves the larger part of what a
framework would cost, and is all this module may do; whatever else arrives goes to ASGI unchanged.
"""

from time import perf_counter
from typing import Protocol

import httptools
from uvicorn import Config
from uvicorn.server import ServerState

from hermetic.client.execution import Answer, Execution
from hermetic.errors import BodyTooLarge, HermeticError
from hermetic.http.connection import NOTHING, Connection, Exchange, Shared
from hermetic.http.framing import AMBIGUOUS
from hermetic.http.limits import WireLimits
from hermetic.http.repeated import Form
from hermetic.http.requests import RequestIds
from hermetic.log import logger
from hermetic.node.metrics import CallFigures, Metrics
from hermetic.serving.service import ServiceKey

log = logger(__name__)

# Above this a second write costs less than a copy of the body.
_COPIED = 64 * 1024
# A refused request of this size is read to its end, so that the connection can stay open.
_READ_THOUGH_REFUSED = 64 * 1024
# Who changes the header section with every request has taught enough.
_LESSONS = 8
_RAISED = (b'{"success":false', b'{"success": false')


class Routing(Protocol):
    """Knows which service is called at an address."""

    def find(self, path: bytes) -> ServiceKey | None:
        """Return the service called at *path*, or `None`."""


class Calls(Shared):
    """What all connections of a node need to answer calls."""

    def __init__(
        self,
        *,
        routes: Routing,
        execution: Execution,
        metrics: Metrics,
        ids: RequestIds,
        limits: WireLimits | None = None,
        hsts: bytes | None = None,
    ) -> None:
        super().__init__(limits=limits or WireLimits(), ids=ids, hsts=hsts)
        self.find = routes.find
        self.submit, self.abandon, self.calls = execution.submit, execution.abandon, metrics.calls
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
    within_s = 0.0
    ticket = 0
    complete = submitted = expects = waits = response_complete = False
    _disconnected = False

    def __init__(
        self,
        connection: "CallProtocol",
        key: ServiceKey,
        figures: CallFigures,
        *,
        keep_alive: bool,
    ) -> None:
        self.connection, self.key, self.figures = connection, key, figures
        self.request_id, self.keep_alive = connection.request_id, keep_alive

    @property
    def disconnected(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._disconnected

    @disconnected.setter
    def disconnected(self, value: bool) -> None:
        self._disconnected = value
        if value and self.submitted and not self.response_complete:
            self.connection.calls.abandon(self.ticket)

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
        if not self._disconnected:
            self.connection.write_answer(self, answer)


class CallProtocol(Connection):
    """A connection that answers calls itself."""

    def __init__(self, config: Config, state: ServerState, shared: Calls) -> None:
        super().__init__(config, state, shared)
        self.calls = shared
        self.counted: tuple[ServiceKey, CallFigures] | None = None
        self.form: Form | None = None
        self.opened: dict[bytes, bytes] | None = None
        self.lessons = 0

    def data_received(self, data: bytes) -> None:
        """Run a call that is like the one before; anything else is parsed."""
        if self.phase > NOTHING or self.exchanges:
            super().data_received(data)
            return
        form = self.form
        if form is not None and not (self.deaf or self.draining):
            found = form.match(data)
            if found is not None and self._again(form, *found):
                return
        self.opened = None
        super().data_received(data)
        if self.opened is not None and self.lessons < _LESSONS:
            self._learn(data, self.opened)

    def admit(self, call: Call, fields: dict[bytes, bytes]) -> None:
        """Look at the header of a call before it is taken on; `fail` refuses it."""

    def told(self, answer: Answer) -> bytes:
        """Return further header lines for an answer, each with its line end."""
        return b""

    def open(self, fields: dict[bytes, bytes], keep_alive: bool) -> None:
        """Put a call in line if the request is one, else leave it to ASGI."""
        key = self._service() if self.parser.get_method() == b"POST" else None
        if key is None:
            super().open(fields, keep_alive)
        else:
            self.take(key, None, fields, keep_alive)

    def take(
        self,
        key: ServiceKey,
        error: HermeticError | None,
        fields: dict[bytes, bytes],
        keep_alive: bool,
    ) -> None:
        """Put a call of *key* in line, which *error* refuses already if it is one."""
        call = self.reading = Call(self, key, self._figures(key), keep_alive=keep_alive)
        if error is None:
            self.admit(call, fields)
        else:
            self.fail(call, error)
        length = int(fields.get(b"content-length", b"-1"))
        if length > self.limits.call_bytes:
            self.fail(call, self._too_large())
        call.expects = fields.get(b"expect", b"").lower() == b"100-continue"
        if call.error is not None:
            if call.expects or not 0 <= length <= _READ_THOUGH_REFUSED:
                self.reading = None
                self.stop(call.error)
        elif keep_alive and not call.expects:
            self.opened = fields
        self.exchanges.append(call)
        if call.expects and len(self.exchanges) == 1:
            self.begin(call)

    def _again(self, form: Form, request_id: bytes | None, body: bytes) -> bool:
        """Run a call of a form that was parsed before; whether it is still one."""
        key = self.calls.find(form.url)
        if key is None or len(body) > self.limits.call_bytes:
            return False
        self.request_id = request_id or self.calls.ids.take(None)
        call = Call(self, key, self._figures(key), keep_alive=True)
        call.body, call.complete, call.began = body, True, perf_counter()
        self.admit(call, form.fields)
        self.exchanges.append(call)
        self.begin(call)
        return True

    def _learn(self, data: bytes, fields: dict[bytes, bytes]) -> None:
        """Remember the form of the call that *data* held, if it was one call in one piece."""
        self.lessons += 1
        if self.phase == NOTHING and self.calls.find(self.url) is not None and b"%" not in self.url:
            self.form = Form.of(data, self.url, fields)

    def settled(self, call: Call, error: HermeticError | None) -> None:
        """Go on with a call that `waits`, or refuse it with *error*."""
        call.waits = False
        if error is not None:
            self.fail(call, error)
        if self.exchanges and self.exchanges[0] is call:
            self.begin(call)

    def fail(self, call: Call, error: HermeticError) -> None:
        """Refuse *call* with *error* once it is read, unless it is refused already."""
        if call.error is None:
            call.error = error
            call.figures.refuse(error.type)

    def _figures(self, key: ServiceKey) -> CallFigures:
        """Return where calls of *key* are counted; mostly the same as for the last call."""
        if self.counted is None or self.counted[0] is not key:
            self.counted = key, self.calls.calls(key)
        return self.counted[1]

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
            if not (exchange.submitted or exchange.waits or self.flow.write_paused):
                self._run(exchange)
        elif exchange.expects:
            self.calls.turn.end()
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _run(self, call: Call) -> None:
        call.submitted = True
        if call.error is not None:
            self.write_answer(call, Answer(b"", call.error, 0.0, 0.0))
        else:
            call.ticket = self.calls.submit(
                call.key, bytes(call.body), call.answer, call.request_id, call.within_s
            )

    def resume_writing(self) -> None:
        """Go on with a call that waited for the client to read earlier answers."""
        super().resume_writing()
        if self.exchanges and type(self.exchanges[0]) is Call:
            self.begin(self.exchanges[0])

    def write_answer(self, call: Call, answer: Answer) -> None:
        """Write how *call* ended, and go on with the next exchange."""
        call.response_complete = True
        body, error, _, _ = answer
        more = self.told(answer)
        if error is not None:
            self.write_problem(error, call.request_id, keep_alive=call.keep_alive, more=more)
        else:
            small = len(body) <= _COPIED
            whole = b"%b%bcontent-length: %d\r\nx-request-id: %b\r\n%b%b" % (
                self.calls.head,
                more,
                len(body),
                call.request_id,
                b"\r\n" if call.keep_alive else b"connection: close\r\n\r\n",
                body if small else b"",
            )
            if small and call.keep_alive and len(self.exchanges) == 1:
                self.calls.turn.write(self.transport, whole)
            else:
                self.calls.turn.end()
                self.transport.write(whole)
                if not small:
                    self.transport.write(body)
        if not call.keep_alive:
            self.transport.close()
        self.finish()

    def _service(self) -> ServiceKey | None:
        url = self.url
        key = self.calls.find(url)
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
        return self.calls.find(path)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"Send at most {self.limits.call_bytes} bytes in one call.")
