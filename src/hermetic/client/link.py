"""The connections over which a web node sends calls to one compute node.

HTTP/1.1 with one call at a time on each connection, kept open between calls.  What a call costs
here is paid by every caller, so nothing is parsed that is not needed, and nothing waits.  Who
the other side is, the TLS context makes sure of; a context that is replaced holds for new
connections, and the old ones are closed when they have nothing to do.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

import httptools

from hermetic.errors import CertificateRejected
from hermetic.log import logger
from hermetic.turn import Turn

log = logger(__name__)

_QUEUED, _EXECUTED = b"x-queued-us", b"x-executed-us"
# What a compute node nearly always answers, whole; anything else is parsed.
_USUAL = re.compile(
    rb"HTTP/1\.1 200 OK\r\ndate: [^\r\n]{1,40}\r\ncontent-type: application/json\r\n"
    rb"x-queued-us: (\d{1,12})\r\nx-executed-us: (\d{1,12})\r\ncontent-length: (\d{1,9})\r\n"
    rb"x-request-id: [A-Za-z0-9._-]{1,128}\r\n\r\n"
)
# A node that is gone without a word is noticed by what it does not acknowledge.
_UNACKNOWLEDGED_MS = 10_000


class Reply(NamedTuple):
    """What the node answered; the times are those it measured itself, in seconds."""

    status: int
    body: bytes
    queued_s: float
    executed_s: float


class Broken(NamedTuple):
    """Why there is no answer; unless `sent`, the node has not seen the question."""

    sent: bool
    reason: str


Outcome = Reply | Broken
Done = Callable[[Outcome], None]


@dataclass(frozen=True)
class Target:
    """Where a node is: an address to connect to, and the name its certificate must have."""

    host: str
    port: int
    sealed: bool = True
    name: str = ""

    @property
    def authority(self) -> bytes:
        """The value of the field `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}".encode()


class Door(Protocol):
    """Says whether who is at the other end is who it should be, and cuts them off later if not."""

    def admit(self, transport: asyncio.BaseTransport) -> object:
        """Return who is at the other end, or raise `CertificateRejected`."""

    def left(self, transport: asyncio.BaseTransport) -> None:
        """Take note that the connection has ended."""


class Line(asyncio.Protocol):
    """One connection: a question, its answer, the next question."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._done: Done | None = None
        self._body: list[bytes] = []
        self._queued = self._executed = b""
        self._reply: Reply | None = None
        self._given_up = self._heard = self._begun = False
        self.context: ssl.SSLContext | None = None

    def ask(self, question: bytes, done: Done) -> None:
        """Send *question*, a whole request; *done* is called once, with its end."""
        self._done = done
        if self._transport is not None:
            self._link.turn.write(self._transport, question)

    def close(self) -> None:
        """Close the connection at once, whatever is under way; or as soon as it is open."""
        self._given_up = True
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_usable(self) -> bool:
        """Whether a question can be sent."""
        return (
            self._transport is not None and not self._given_up and not self._transport.is_closing()
        )

    # What the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's are not asyncio's
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS)
        self._link.met(self, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; an answer nobody waits for ends the connection."""
        self._heard = True
        if self._done is None:
            # The node says goodbye, or it is none of ours.
            self._end(None)
            return
        if not self._begun:
            usual = _USUAL.match(data)
            if usual is not None and len(data) - usual.end() == int(usual[3]):
                self._answer(
                    Reply(200, data[usual.end() :], int(usual[1]) / 1e6, int(usual[2]) / 1e6)
                )
                return
            self._begun = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if self._reply is None:
                self._end(f"it answered with what is no HTTP/1.1: {error}")
                return
            self.close()
        if self._reply is not None:
            self._body, self._queued, self._executed, self._begun = [], b"", b"", False
            self._answer(self._reply)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        if self._transport is not None:
            self._link.lost(self, self._transport)
        self._end(_told(exc) if exc else None, sent=not (_is_refusal(exc) and not self._heard))
        # The parser holds bound methods of this object.
        del self._parser

    # What the parser says

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the two fields that matter."""
        if name == _QUEUED:
            self._queued = value
        elif name == _EXECUTED:
            self._executed = value

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the answer."""
        self._body.append(body)

    def on_message_begin(self) -> None:
        """End the connection if this would be a second answer: it was asked for by nobody."""
        if self._reply is not None:
            self.close()

    def on_message_complete(self) -> None:
        """Keep the answer until all that came with it was looked at."""
        status = self._parser.get_status_code()
        if status < 200 or self._reply is not None:
            return
        body = self._body
        whole = body[0] if len(body) == 1 else b"".join(body)
        self._reply = Reply(status, whole, _seconds(self._queued), _seconds(self._executed))
        if not self._parser.should_keep_alive():
            self._given_up = True

    def _answer(self, reply: Reply) -> None:
        """Hand the answer over, and be free again."""
        done, self._done, self._reply = self._done, None, None
        self._link.rested(self, keep_alive=not self._given_up)
        if done is not None:
            done(reply)

    def _end(self, reason: str | None, *, sent: bool = True) -> None:
        done, self._done = self._done, None
        self.close()
        if done is not None:
            done(Broken(sent, reason or "it closed the connection"))


class Link:
    """All connections to one compute node.

    Args:
        target: Where it is.
        context: Gives the TLS context for the next connection; `None` in plain HTTP.
        most: How many connections there may be; one more question has to wait elsewhere.
        connect_s: How long a connection, its handshake included, may take to open.
        door: Looks at who answered, of sealed connections; `None` where the handshake sees to it.
    """

    def __init__(
        self,
        target: Target,
        context: Callable[[], ssl.SSLContext | None],
        *,
        most: int = 256,
        connect_s: float = 3.0,
        door: Door | None = None,
    ) -> None:
        self.target, self._door = target, door if target.sealed else None
        self._context, self._most, self._connect_s = context, most, connect_s
        self._idle: list[Line] = []
        self._lines: set[Line] = set()
        self._opening = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.turn = Turn()
        self.authority = target.authority

    @property
    def has_room(self) -> bool:
        """Whether another question can be asked now."""
        return bool(self._idle) or len(self._lines) + self._opening < self._most

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._lines)

    def ask(self, question: bytes, done: Done) -> Line:
        """Ask *question*, and hand its end to *done*, once; MUST only be called with room.

        Returns the connection that carries it, by which it can be given up.
        """
        while self._idle:
            line = self._idle.pop()
            if line.is_usable:
                line.ask(question, done)
                return line
        self._opening += 1
        line = Line(self)
        task = asyncio.get_running_loop().create_task(self._open(line, question, done))
        self._tasks.add(task)
        task.add_done_callback(partial(self._opened, done))
        return line

    def renew(self) -> None:
        """Close idle connections that were made with an older context."""
        context = self._context()
        for line in [one for one in self._idle if one.context is not context]:
            line.close()

    def close(self) -> None:
        """Close every connection; what is under way ends as broken."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()
        for line in list(self._lines):
            line.close()

    # What lines say

    def rested(self, line: Line, *, keep_alive: bool) -> None:
        """Keep *line* for the next question, unless it is to end."""
        if keep_alive and not self._closed and line.context is self._context():
            self._idle.append(line)
        else:
            line.close()

    def met(self, line: Line, transport: asyncio.BaseTransport) -> None:
        """Close *line* at once if who answered is not who it should be."""
        if self._door is not None:
            try:
                self._door.admit(transport)
            except CertificateRejected:
                line.close()

    def lost(self, line: Line, transport: asyncio.BaseTransport) -> None:
        """Forget *line*."""
        if self._door is not None:
            self._door.left(transport)
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)

    async def _open(self, line: Line, question: bytes, done: Done) -> None:
        failure = await self._failure(line)
        self._opening -= 1
        if failure:
            done(Broken(False, failure))
        elif line.is_usable:
            line.ask(question, done)
        else:
            line.close()
            done(Broken(False, "it closed the connection"))

    def _opened(self, done: Done, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():  # maybe before it had begun
            self._opening -= 1
            done(Broken(False, "the link was closed"))

    async def _failure(self, line: Line) -> str:
        """Connect *line*, or return why that failed."""
        try:
            async with asyncio.timeout(self._connect_s):
                await self._connect(line, self._context() if self.target.sealed else None)
        except TimeoutError:
            return f"no connection within {self._connect_s:g} s"
        except OSError as error:
            return _told(error)
        return ""

    async def _connect(self, line: Line, context: ssl.SSLContext | None) -> None:
        line.context = context
        target = self.target
        name = (target.name or target.host) if context is not None else None
        await asyncio.get_running_loop().create_connection(
            lambda: line, target.host, target.port, ssl=context, server_hostname=name
        )
        self._lines.add(line)


def request(target: Target, path: bytes, body: bytes, *fields: bytes) -> bytes:
    """Return the bytes of a POST of JSON; *fields* are further header lines, with their ends."""
    return b"POST %b HTTP/1.1\r\nhost: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
        path,
        target.authority,
        len(body),
        b"".join(fields),
        body,
    )


def _seconds(microseconds: bytes) -> float:
    return int(microseconds[:12]) / 1e6 if microseconds.isdigit() else 0.0


def _told(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message or error}"
    if _is_refusal(error):
        return f"it does not accept our certificate: {error}"
    if isinstance(error, ssl.SSLError):
        return f"the handshake failed: {error.reason or error}"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _is_refusal(error: Exception | None) -> bool:
    """Whether the node ended the handshake because of our certificate.

    In TLS 1.3 that comes when a client is through already, and has sent its question.
    """
    reason = (error.reason or "") if isinstance(error, ssl.SSLError) else ""
    return "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason)
