"""One connection: HTTP/1.1 held to limits, whoever then answers the requests.

uvicorn's protocol parses and drives ASGI; this class bounds sizes and times, keeps pipelined
answers in order, names each request, and answers what is not HTTP with a problem.  A request is
an *exchange* from the end of its header section until its answer is written.

Time is read from the loop where something begins; nothing is armed per request.  One sweep over
all connections, about once a second, finds those that are late.
"""

from collections import deque
from typing import Final, NoReturn, Protocol

import httptools
from uvicorn import Config
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from hermetic.errors import (
    HermeticError,
    InvalidHttp,
    RequestTimeout,
)
from hermetic.http.framing import (
    UNUSUAL,
    check_framing,
    check_repeated,
    check_sizes,
    headers_too_large,
)
from hermetic.http.limits import WireLimits
from hermetic.http.requests import FIELD, RequestIds
from hermetic.log import logger
from hermetic.turn import Turn
from hermetic.wire.problems import reply

log = logger(__name__)

# What is being read. Plain numbers: to look up an enum's member costs more than the comparison.
FRESH: Final = 0
NOTHING: Final = 1
HEADERS: Final = 2
BODY: Final = 3
LINGERING: Final = 4

# Chunk extensions and trailers carry nothing for us, and llhttp keeps a trailer in memory.
_MOST_FRAMING = 64 * 1024
# No bound is smaller, so what arrived whole in a chunk of this size keeps all of them.
_SMALL = 1024


class Exchange(Protocol):
    """A request whose answer is not complete yet; uvicorn's cycle is one."""

    keep_alive: bool
    disconnected: bool
    response_complete: bool


class Refusal:
    """The last exchange of a connection: a problem, then the end."""

    def __init__(self, error: HermeticError, request_id: bytes) -> None:
        self.error, self.request_id = error, request_id
        self.keep_alive = self.disconnected = self.response_complete = False


class Shared:
    """What all connections of a node have in common.

    *hsts* is the value of `strict-transport-security`; `None` where the node speaks plain HTTP.
    """

    def __init__(self, *, limits: WireLimits, ids: RequestIds, hsts: bytes | None = None) -> None:
        self.limits, self.ids = limits, ids
        self.security = b"" if hsts is None else b"strict-transport-security: %b\r\n" % hsts
        self.date = b""
        self.turn = Turn()


class Connection(HttpToolsProtocol):
    """A connection of a client to this node."""

    def __init__(self, config: Config, state: ServerState, shared: Shared) -> None:
        super().__init__(config, state, {})
        # Without uvicorn's leniency: what follows `Connection: close` is refused, not parsed.
        self.parser = httptools.HttpRequestParser(self)
        self.shared, self.limits = shared, shared.limits
        self.phase: int = FRESH
        self.since = self.unsent_since = self.loop.time()
        self.exchanges: deque[Exchange] = deque()
        self.reading: Exchange | None = None
        self.fault: HermeticError | None = None
        self.url = self.request_id = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.deaf = self.draining = False
        self.chunk = self.header_bytes = self.window_bytes = 0
        self.framing_bytes = self.dropped_bytes = self.unsent = 0

    # What the transport says

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; after a refusal it is thrown away."""
        if self.deaf:
            return
        self.chunk = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.deaf = True
        except httptools.HttpParserError as error:
            if not self.deaf:
                self._give_up(error)
            return
        if self.phase > NOTHING:
            self._count(len(data))
        if len(self.exchanges) > 1:
            self.flow.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every exchange that nobody waits for its answer any more."""
        self.connections.discard(self)
        for exchange in self.exchanges:
            _abandon(exchange)
        self.exchanges.clear()
        self.flow.resume_writing()
        self.deaf = True
        # The parser holds bound methods of this object: without it neither waits for the collector.
        del self.parser

    # What the parser says

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self.phase = HEADERS
        self.url = self.request_id = b""
        self.headers = []
        # The chunk it begins in is added when that has been parsed, whatever came before in it.
        self.header_bytes = -self.chunk

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field of the header section, or of the trailers, which nobody reads."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Check the header section, name the request, and hand it to whoever answers it."""
        headers = self.headers
        fields = dict(headers)
        self.request_id = self.shared.ids.take(fields.get(FIELD))
        # What came in one small chunk can only have too many fields, or be one too many.
        if (
            self.chunk > _SMALL
            or self.header_bytes >= 0
            or len(headers) > self.limits.header_fields
            or self.exchanges
        ):
            check_sizes(headers, self.url, self.limits)
            if len(self.exchanges) >= self.limits.pipelined:
                raise InvalidHttp(f"Wait for answers after {self.limits.pipelined} requests.")
        if len(fields) != len(headers):
            check_repeated(headers)
        parser = self.parser
        # Nearly every request says nothing of the connection or of its framing.
        keep_alive = parser.should_keep_alive()
        if not keep_alive or b"host" not in fields or not UNUSUAL.isdisjoint(fields):
            version, upgrading = parser.get_http_version(), parser.should_upgrade()
            keep_alive = check_framing(fields, version, upgrading=upgrading) and keep_alive
        keep_alive = keep_alive and not self.draining
        self.phase, self.window_bytes, self.framing_bytes = BODY, 0, 0
        self.open(fields, keep_alive)
        # Trailers must not become fields (RFC 9110, 6.5.1).
        self.headers = []

    def on_body(self, body: bytes) -> None:
        """Hand on a piece of a body that ASGI reads."""
        self.framing_bytes = -self.chunk
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the reading of a request; another may follow unless the connection closes."""
        exchange, self.reading = self.reading, None
        self.phase = NOTHING
        if exchange is not None:
            self.deaf = self.deaf or not exchange.keep_alive
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on after an answer that ASGI gave."""
        if self.exchanges:
            self.finish()

    # The life of an exchange: opened, begun when it is first in line, finished when its answer
    # is written.

    def open(self, fields: dict[bytes, bytes], keep_alive: bool) -> None:
        """Put a request in line whose header was read; here, always for ASGI."""
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url, self.headers[:] = url, headers
        self.expect_100_continue = fields.get(b"expect", b"").lower() == b"100-continue"
        self.scope["state"]["request_id"] = self.request_id.decode()
        super().on_headers_complete()
        # The line is kept here, for all kinds of exchanges, and not in uvicorn's pipeline.
        self.pipeline.clear()
        # Answered without its body, the next bytes could be the body or another request: who may
        # choose which (RFC 9110, 10.1.1) gets no further turn.
        self.cycle.keep_alive = keep_alive and not self.expect_100_continue
        self.reading = self.cycle
        self.exchanges.append(self.cycle)
        if len(self.exchanges) == 1:
            self.begin(self.cycle)

    def begin(self, exchange: Exchange) -> None:
        """Answer *exchange*, or have it answered, now that it is the first in line."""
        if isinstance(exchange, Refusal):
            self.write_problem(exchange.error, exchange.request_id, keep_alive=False)
            self.exchanges.clear()
            self.linger()
        elif isinstance(exchange, RequestResponseCycle):
            super()._start_asgi_task(exchange, self.app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Do nothing yet: `begin` starts it in its turn."""

    def finish(self) -> None:
        """Go on after the answer of the first exchange was written."""
        self.exchanges.popleft()
        if self.transport.is_closing():
            return
        if self.exchanges:
            self.begin(self.exchanges[0])
        if len(self.exchanges) < 2:
            self.since = self.loop.time()
            if self.flow.read_paused:
                self.flow.resume_reading()

    # Refusing

    def stop(self, error: HermeticError) -> NoReturn:
        """Stop the parser; `data_received` then refuses the request with *error*.

        For callbacks whose exceptions httptools loses; from the others *error* is just raised.
        """
        self.fault = error
        raise error

    def refuse(self, error: HermeticError) -> None:
        """Answer what is being read with *error*, after the answers before it, and close."""
        self.deaf = True
        reading, self.reading = self.reading, None
        request_id = self.request_id or self.shared.ids.take(None)
        log.warning(
            "request.refused",
            problem=error.type,
            reason=error.text,
            peer=self.client,
            request_id=request_id.decode(),
        )
        if reading is not None:
            if reading.response_complete or getattr(reading, "response_started", False):
                self.transport.close()
                return
            self.exchanges.pop()
            _abandon(reading)
        refusal = Refusal(error, request_id)
        self.exchanges.append(refusal)
        if len(self.exchanges) == 1:
            self.begin(refusal)

    def _give_up(self, error: httptools.HttpParserError) -> None:
        """Refuse what made the parser stop, which may be a fault of the request or of ours."""
        cause = self.fault or error.__context__
        if isinstance(cause, HermeticError):
            self.refuse(cause)
        elif isinstance(cause, httptools.HttpParserInvalidURLError | UnicodeDecodeError):
            self.refuse(InvalidHttp("The address in the request line is not valid."))
        elif cause is None and "callback" not in str(error):
            self.refuse(InvalidHttp(f"This is not HTTP/1.1: {error}."))
        else:
            log.error("connection.broke", peer=self.client, reason=str(error), exc_info=cause)
            # An exchange may be half-way: there is nothing true to write any more.
            self.deaf = True
            self.transport.abort()

    def write_problem(
        self, error: BaseException, request_id: bytes, *, keep_alive: bool, more: bytes = b""
    ) -> None:
        """Write a whole answer that says what went wrong; *more* are further header lines."""
        self.shared.turn.end()
        answer = reply(error, request_id.decode())
        fields = b"".join(b"%b: %b\r\n" % field for field in answer.headers)
        close = b"" if keep_alive else b"connection: close\r\n"
        self.transport.write(
            b"%b%b%b%b%b%bcontent-length: %d\r\n%b: %b\r\n\r\n%b"
            % (
                STATUS_LINE[answer.status],
                self.shared.date,
                self.shared.security,
                fields,
                more,
                close,
                len(answer.body),
                FIELD,
                request_id,
                answer.body,
            )
        )

    # Limits

    def sweep(self, now: float) -> None:
        """Close or refuse a client that is late; *now* is the loop's time."""
        limits, elapsed = self.limits, now - self.since
        if self._is_stuck(now):
            self.transport.abort()
        elif self.phase == LINGERING:
            if elapsed > limits.linger_s:
                self.transport.close()
        elif self.flow.read_paused:
            # It waits for us, not we for it.
            self.since, self.window_bytes = now, 0
        elif self.phase <= NOTHING:
            self._sweep_idle(elapsed)
        elif self.phase == HEADERS and elapsed > limits.header_s:
            self.refuse(RequestTimeout(f"Send the header within {limits.header_s:g} s."))
        elif self.phase == BODY and elapsed > limits.body_window_s:
            self._sweep_body(now)

    def _sweep_idle(self, elapsed: float) -> None:
        patience = self.limits.header_s if self.phase == FRESH else self.limits.idle_s
        if not self.exchanges and elapsed > patience:
            self.transport.close()

    def _sweep_body(self, now: float) -> None:
        slowest = self.limits.body_bytes_per_s
        if self.window_bytes < slowest * (now - self.since):
            self.refuse(RequestTimeout(f"Send at least {slowest} bytes a second."))
        self.since, self.window_bytes = now, 0

    def drain(self) -> None:
        """Finish what was begun, then close."""
        self.draining = True
        if self.exchanges:
            self.exchanges[-1].keep_alive = False
            self.deaf = self.deaf or self.phase == NOTHING
        elif self.phase <= NOTHING:
            self.part()

    def part(self) -> None:
        """Close a connection on which nothing is under way."""
        self.transport.close()

    def linger(self) -> None:
        """Read and throw away for a moment, so that what was written last is not lost."""
        self.deaf = True
        self.phase, self.since = LINGERING, self.loop.time()
        self.flow.resume_reading()

    def _is_stuck(self, now: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self.unsent:
            self.unsent, self.unsent_since = unsent, now
        return now - self.unsent_since > self.limits.write_idle_s

    def _count(self, size: int) -> None:
        limits = self.limits
        # Only now is the time worth asking for: most requests arrive whole.
        if self.phase == HEADERS:
            if self.header_bytes + size == 0:
                self.since = self.loop.time()
            self.header_bytes += size
            if self.header_bytes > limits.header_bytes:
                self.refuse(headers_too_large(limits))
            return
        if self.window_bytes == 0:
            self.since = self.loop.time()
        self.window_bytes += size
        self.framing_bytes += size
        if self.framing_bytes > _MOST_FRAMING:
            self.refuse(InvalidHttp("There is more framing than body."))
        elif self.reading is not None and self.reading.response_complete:
            self.dropped_bytes += size
            if self.dropped_bytes > limits.call_bytes:
                self.transport.close()


def _abandon(exchange: Exchange) -> None:
    exchange.disconnected = True
    if isinstance(exchange, RequestResponseCycle):
        exchange.message_event.set()
