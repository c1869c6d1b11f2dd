"""Accepting connections: caps, TLS, and a clear word for those who speak something else.

`asyncio` can accept on its own, and then says nothing of a handshake that fails, waits for ever
for a peer that is silent, and takes what comes.  Here each connection is looked at before TLS
is: one byte, peeked, so that nothing is lost to whoever reads it.

That costs 50 µs of CPU a connection under uvloop (2 cores, 2000 connections, median of 5: 53 µs
with `loop.create_server`, 105 µs here; asyncio 146 and 189 µs), where a handshake with P-256
costs 600 µs.  The SNI callback of a `SwappingContext` adds nothing that could be measured.
`TCP_DEFER_ACCEPT`, so that the first byte is there at once, made it no cheaper.
"""

import asyncio
import errno
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from hermetic.log import logger
from hermetic.node import acme_hello
from hermetic.node.connections import Connections
from hermetic.node.plain_http import answer, begins_http
from hermetic.tls import alerts
from hermetic.tls.tally import Tally

# At most so many are accepted before others have their turn; the rest wait in the backlog.
_AT_ONCE = 32
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_PAUSE_S = 0.2
# What a handshake still gets whose first byte came at the last moment; 0 would mean no limit.
_LEAST_S = 0.1
# What those in a handshake still get once the listener is closed.
_LAST_S = 1.0
# How long a request in plain HTTP may take to arrive, and then its answer.
_PATIENCE_S = 2.0
# A TLS record of type handshake, of any version 3.x (RFC 8446, 5.1).
_CLIENT_HELLO = b"\x16\x03"

log = logger(__name__)


@dataclass(frozen=True)
class Limits:
    """What a listener bears."""

    connections: int = 10_000
    """Open connections in all; a connection costs some 50 kB with TLS."""
    per_address: int = 1_000
    """Open connections from one address; a reverse proxy is one."""
    handshake: timedelta = timedelta(seconds=10)
    """From the connection to the end of the handshake, or without TLS to the first byte."""
    backlog: int = 2048
    """Connections the system holds until we accept them."""


class Listener:
    """Accepts connections and hands them to protocols, as the server of `loop.create_server` does.

    Begin with `start`; end with `close` and `wait_closed`.  It owns its sockets.  What it counts:
    `accepted` since it started, `open` now, and `refused` by reason.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        context: ssl.SSLContext | None,
        limits: Limits,
    ) -> None:
        """Use `start`; this only puts the parts together."""
        self._listening = list(sockets)
        self._protocol_factory, self._context, self._limits = protocol_factory, context, limits
        self._loop = asyncio.get_running_loop()
        self._connections = Connections(
            most=limits.connections, most_per_address=limits.per_address
        )
        self._tally = Tally(log)
        # Those that have not sent a byte, and those in a handshake or being answered.
        self._silent: set[asyncio.Task[None]] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        self.accepted = 0

    @classmethod
    async def start(
        cls,
        sockets: Sequence[socket.socket],
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        context: ssl.SSLContext | None,
        *,
        limits: Limits | None = None,
    ) -> "Listener":
        """Listen on *sockets*, which are bound, and return at once.

        Args:
            sockets: Stream sockets; the listener closes them.
            protocol_factory: Makes the protocol of each connection that got through.
            context: What to shake hands with, such as `SwappingContext.base`; None for plain
                HTTP, which somebody must have chosen.
            limits: What to bear; None for `Limits()`.
        """
        listener = cls(sockets, protocol_factory, context, limits or Limits())
        for listening in listener._listening:
            listening.setblocking(False)
            listening.listen(listener._limits.backlog)
            listener._resume(listening)
        return listener

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The sockets it listens on; none once it is closed."""
        return tuple(self._listening)

    @property
    def open(self) -> int:
        """How many connections are open, those in a handshake included."""
        return self._connections.open

    @property
    def refused(self) -> Counter[str]:
        """How many connections ended before a protocol got them, by reason.

        OpenSSL's own words for a handshake (`UNSUPPORTED_PROTOCOL`), else `unknown-name`,
        `plain-http`, `not-tls`, `tls-on-plain-port`, `timeout`, `closed-by-peer` in a handshake,
        `silent` for who closed without a word, `too-many`, and `exhausted` for each pause after
        the system had no more to give.
        """
        return self._tally.counts

    def close(self) -> None:
        """Accept no more, at once; a handshake under way may still come to its end."""
        for listening in self._listening:
            self._pause(listening)
            listening.close()
        self._listening.clear()
        for task in self._silent:
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until the handshakes that were under way have ended; a second at most."""
        if self._opening:
            _, late = await asyncio.wait(self._opening, timeout=_LAST_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _resume(self, listening: socket.socket) -> None:
        self._pauses.pop(listening, None)
        self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _pause(self, listening: socket.socket) -> None:
        timer = self._pauses.pop(listening, None)
        if timer is not None:
            timer.cancel()
        elif listening.fileno() >= 0:
            self._loop.remove_reader(listening.fileno())

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_AT_ONCE):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # it was gone before it was accepted
                continue
            except OSError as error:
                self._rest(listening, error)
                return
            self.accepted += 1
            self._admit(accepted, _peer(address))

    def _rest(self, listening: socket.socket, error: OSError) -> None:
        """Stop accepting for a moment: the connection stays in the backlog, and so the event."""
        known = error.errno in _EXHAUSTED
        self._tally.note(
            "listener.exhausted",
            "exhausted" if known else "accept-failed",
            cause=error.strerror or str(error),
            open=self.open,
        )
        self._pause(listening)
        self._pauses[listening] = self._loop.call_later(_PAUSE_S, self._resume, listening)

    def _admit(self, accepted: socket.socket, peer: str) -> None:
        counted = self._connections.admit(accepted, peer)
        if counted is None:
            self._tally.note("listener.too_many", "too-many", peer=peer, open=self.open)
            return
        task = self._loop.create_task(self._serve(counted, peer))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _serve(self, sock: socket.socket, peer: str) -> None:
        """Bring one connection to its protocol, or to its end."""
        deadline = self._loop.time() + self._limits.handshake.total_seconds()
        try:
            with ExitStack() as ours:
                ours.callback(sock.close)
                first = await self._first_bytes(sock, deadline)
                if not first:
                    self.refused["silent"] += 1  # a probe that only connects; not worth a line
                elif self._context is None and first == _CLIENT_HELLO:
                    self._tally.note("http.tls_on_plain_port", "tls-on-plain-port", peer=peer)
                elif self._context is not None and begins_http(first):
                    await self._explain(sock, peer, deadline)
                else:
                    context = await self._context_for(sock, deadline)
                    # From here on the transport closes it, also if the handshake fails; uvloop
                    # closes the descriptor itself, and a second time might hit another's.
                    ours.pop_all()
                    await self._hand_over(sock, deadline, context)
        except ssl.SSLError as error:
            self._note_refused_handshake(error, peer)
        except (TimeoutError, ConnectionAbortedError):
            self._tally.note("tls.handshake_refused", "timeout", peer=peer)
        except OSError:
            self._tally.note("tls.handshake_refused", "closed-by-peer", peer=peer)

    async def _first_bytes(self, sock: socket.socket, deadline: float) -> bytes:
        """Return the first bytes without taking them; none if the other side has closed."""
        with suppress(BlockingIOError):
            return _peek(sock)
        task = asyncio.current_task()
        arrived: asyncio.Future[None] = self._loop.create_future()
        if task is not None:
            self._silent.add(task)
        self._loop.add_reader(sock.fileno(), _settle, arrived)
        try:
            async with asyncio.timeout_at(deadline):
                await arrived
        finally:
            self._loop.remove_reader(sock.fileno())
            if task is not None:
                self._silent.discard(task)
        return _peek(sock)

    async def _context_for(self, sock: socket.socket, deadline: float) -> ssl.SSLContext | None:
        """Return what to shake hands with: another for who proves a name to an ACME server."""
        aside = getattr(self._context, "aside", None)
        other = aside() if aside is not None else None
        if other is not None and acme_hello.offers(await acme_hello.whole(sock, deadline)):
            return cast(ssl.SSLContext, other)
        return self._context

    async def _hand_over(
        self, sock: socket.socket, deadline: float, context: ssl.SSLContext | None
    ) -> None:
        if context is None:
            await self._loop.connect_accepted_socket(self._protocol_factory, sock)
            return
        proving = context is not self._context
        with alerts.sent_through(sock):
            await self._loop.connect_accepted_socket(
                # RFC 8737, 3: after the handshake nothing is said.
                acme_hello.Closing if proving else self._protocol_factory,
                sock,
                ssl=context,
                ssl_handshake_timeout=max(deadline - self._loop.time(), _LEAST_S),
            )

    async def _explain(self, sock: socket.socket, peer: str, deadline: float) -> None:
        patience_s = min(_PATIENCE_S, max(deadline - self._loop.time(), _LEAST_S))
        asked = await answer(sock, patience_s=patience_s)
        if asked is None:
            self._tally.note("tls.not_tls", "not-tls", peer=peer)
        else:
            self._tally.note(
                "http.plain_on_tls_port",
                "plain-http",
                peer=peer,
                method=asked.method,
                instead=asked.url,
            )

    def _note_refused_handshake(self, error: ssl.SSLError, peer: str) -> None:
        if error.reason == "CALLBACK_FAILED":  # the SNI callback said no, and has logged the name
            self.refused["unknown-name"] += 1
            return
        reason = error.reason or "unknown"
        # What OpenSSL found wrong with a client's certificate: expired, unknown issuer, purpose.
        found = getattr(error, "verify_message", "")
        detail = {"detail": found} if found else {}
        self._tally.note("tls.handshake_refused", reason, peer=peer, **detail)


def _peek(sock: socket.socket) -> bytes:
    return sock.recv(len(_CLIENT_HELLO), socket.MSG_PEEK)


def _settle(arrived: "asyncio.Future[None]") -> None:
    if not arrived.done():
        arrived.set_result(None)


def _peer(address: object) -> str:
    """Return the address of a peer, or nothing where there is none (Unix sockets)."""
    return str(address[0]) if isinstance(address, tuple) else ""
