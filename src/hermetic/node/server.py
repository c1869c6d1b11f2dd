"""A node's server: its sockets, its heartbeat, and an end that drops nothing.

What speaks HTTP comes in as `Clients`, what accepts connections as `Listening`; neither is
known here by more than these contracts.
"""

import asyncio
import errno
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from hermetic.errors import BadConfiguration, NotPermitted, Unavailable
from hermetic.log import logger

log = logger(__name__)

_BACKLOG = 1024
_NO_SUCH_FAMILY = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
"""What a machine without IPv6 says to `::`."""


class Clients(Protocol):
    """Whoever minds the connections of a node (`http.clients`)."""

    def connect(self) -> asyncio.Protocol:
        """Return the protocol for a new connection."""

    def sweep(self, now: float) -> None:
        """Close or refuse who is late; *now* is the loop's time."""

    def drain(self) -> None:
        """Let each connection finish its request, then close it."""

    def abort(self) -> None:
        """Close all connections at once."""

    def __len__(self) -> int:
        """Return how many connections there are."""


class Listening(Protocol):
    """Whoever accepts connections, as `asyncio.Server` does."""

    def close(self) -> None:
        """Stop accepting; connections stay."""

    async def wait_closed(self) -> None:
        """Return once nothing is accepted any more."""


Listen = Callable[[Sequence[socket.socket], Callable[[], asyncio.Protocol]], Awaitable[Listening]]
"""Begins to accept on bound sockets, with a protocol of its own for each connection."""


class NodeServer:
    """Serves until it is told to stop, then lets every call in flight end.

    Args:
        drained: Called first when stopping, so that readiness tells before anything closes.
        grace_s: How long calls may take to end; what is left then is cut off.
        notice_s: How long to go on accepting after *drained* was called, so that balancers in
            front see it before a connection is refused.
        period_s: How often clients are swept.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        listen: Listen,
        clients: Clients,
        *,
        drained: Callable[[], None] = lambda: None,
        grace_s: float = 30.0,
        notice_s: float = 0.0,
        period_s: float = 1.0,
    ) -> None:
        self._sockets, self._listen, self._clients = tuple(sockets), listen, clients
        self._drained, self._grace_s, self._period_s = drained, grace_s, period_s
        self._notice_s = notice_s
        self._stopping, self._forced = asyncio.Event(), asyncio.Event()
        self.started = asyncio.Event()
        self.again = False
        """Whether it stopped in order to be started again."""
        self.ports: list[int] = [one.getsockname()[1] for one in sockets]
        """The ports it listens on, also when it does no longer."""

    def stop(self, *, again: bool = False) -> None:
        """Stop accepting and finish what was begun; a second time: cut it off.

        Whoever wants it to stop for good has the last word over a start *again*.
        """
        if self._stopping.is_set() and again == self.again:
            self._forced.set()
        self.again = again
        self._stopping.set()

    async def serve(self) -> bool:
        """Serve until `stop`; return whether every request ended within the grace."""
        listening = await self._listen(self._sockets, self._clients.connect)
        self.started.set()
        loop = asyncio.get_running_loop()
        while not await _is_set(self._stopping, self._period_s):
            self._clients.sweep(loop.time())
        self._drained()
        await self._give_notice()
        log.info("node.draining", connections=len(self._clients), grace_s=self._grace_s)
        listening.close()
        self._clients.drain()
        complete = await self._emptied(loop.time() + self._grace_s)
        if not complete:
            log.warning("node.calls_cut_off", connections=len(self._clients))
            self._clients.abort()
        await listening.wait_closed()
        log.info("node.stopped", complete=complete)
        return complete

    async def serve_until_signal(self) -> bool:
        """Serve as `serve` does, until SIGTERM or SIGINT; a second one cuts off what is left."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.stop)
        try:
            return await self.serve()
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    async def _give_notice(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._notice_s
        while loop.time() < end and not await _is_set(self._forced, min(self._period_s, 0.1)):
            self._clients.sweep(loop.time())

    async def _emptied(self, deadline: float) -> bool:
        loop = asyncio.get_running_loop()
        while len(self._clients):
            if loop.time() >= deadline or await _is_set(self._forced, 0.02):
                return False
            self._clients.sweep(loop.time())
        return True


def bind(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets on every address of *host*, all with one port.

    With port 0 the system chooses it.  No host is every address of this machine, of the families
    that it has.

    Raises:
        Unavailable: Another program has the port.
        NotPermitted: The port needs a privilege.
        BadConfiguration: The host is unknown, or no address of this machine.
    """
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise BadConfiguration(f"{host!r} is no host this machine knows: {error}.") from error
    bound: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            _bind_further(bound, family, (str(address[0]), port), must=bool(host))
    except OSError as error:
        for one in bound:
            one.close()
        raise _explained(error, host, port) from error
    return bound


def _bind_further(
    bound: list[socket.socket], family: int, address: tuple[str, int], *, must: bool
) -> None:
    """Add a socket at the port of the first; without *must* a family that is missing is no harm."""
    host, port = address
    try:
        bound.append(_bind_one(family, (host, bound[0].getsockname()[1] if bound else port)))
    except OSError as error:
        if must or error.errno not in _NO_SUCH_FAMILY:
            raise


def _bind_one(family: int, address: tuple[str, int]) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Otherwise `::` would take IPv4 as well, and the socket for `0.0.0.0` find it taken.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _explained(
    error: OSError, host: str, port: int
) -> Unavailable | NotPermitted | BadConfiguration:
    host = host or "every address"
    if error.errno == errno.EADDRINUSE:
        return Unavailable(
            f"Port {port} on {host} is taken by another program. Stop it, or choose another port."
        )
    if error.errno == errno.EACCES:
        return NotPermitted(
            f"Port {port} on {host} needs a privilege this user lacks. Choose one above 1023."
        )
    return BadConfiguration(f"This machine cannot listen on {host}, port {port}: {error.strerror}.")


async def _is_set(event: asyncio.Event, within_s: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), within_s)
    except TimeoutError:
        return False
    return True
