"""All connections of a node: the sweep that finds who is late, and their end."""

from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import Generic, TypeVar

from uvicorn import Config
from uvicorn.server import ServerState

from hermetic.clock import Clock
from hermetic.http.calls import Calls
from hermetic.http.connection import Connection

S = TypeVar("S", bound=Calls)


class Clients(Generic[S]):
    """Makes the protocol of each connection, and minds them together."""

    def __init__(
        self,
        config: Config,
        protocol: Callable[[Config, ServerState, S], Connection],
        shared: S,
        clock: Clock,
    ) -> None:
        self._config, self._protocol, self._shared, self._clock = config, protocol, shared, clock
        self._state = ServerState()
        self._tell_date()

    def connect(self) -> Connection:
        """Return the protocol for a new connection."""
        return self._protocol(self._config, self._state, self._shared)

    def sweep(self, now: float) -> None:
        """Close or refuse who is late; to be called about once a second, with the loop's time."""
        self._tell_date()
        self._shared.turn.end()
        for connection in self._connections():
            connection.sweep(now)

    def drain(self) -> None:
        """Let each connection finish its request, then close it."""
        self._shared.turn.end()
        for connection in self._connections():
            connection.drain()

    def abort(self) -> None:
        """Close all connections at once, whatever they are doing."""
        self._shared.turn.end()
        for connection in self._connections():
            connection.transport.abort()

    def __len__(self) -> int:
        return len(self._state.connections)

    @property
    def active_requests(self) -> int:
        """How many requests have arrived and are not answered yet."""
        return sum(len(connection.exchanges) for connection in self._connections())

    def _connections(self) -> Iterator[Connection]:
        for connection in tuple(self._state.connections):
            if isinstance(connection, Connection):
                yield connection

    def _tell_date(self) -> None:
        date = formatdate(self._clock().timestamp(), usegmt=True).encode()
        self._state.default_headers = [(b"date", date)]
        self._shared.dated(b"date: %b\r\n" % date)
