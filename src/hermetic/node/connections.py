"""How many connections are open, and from where: the caps of a listener.

A connection ends when its socket does, whoever closed it: a protocol, a failed handshake, a
protocol that took over from another after an upgrade.  So it is the socket that is counted.
"""

import socket
from collections import Counter
from collections.abc import Callable


class Connections:
    """Counts open connections, in all and by address, and says when there are too many.

    Connections over a Unix socket have no address and count in all only.
    """

    def __init__(self, *, most: int, most_per_address: int) -> None:
        """Allow at most *most* at a time, and *most_per_address* from one address."""
        self._most, self._most_per_address = most, most_per_address
        self._by_address: Counter[str] = Counter()
        self.open = 0

    def admit(self, accepted: socket.socket, address: str) -> socket.socket | None:
        """Return *accepted* as a socket that is counted until it is closed.

        The result takes its place and does not block.  If there are too many, *accepted* is
        closed at once, and None returned.
        """
        if self.open >= self._most or (
            address and self._by_address[address] >= self._most_per_address
        ):
            accepted.close()
            return None
        self.open += 1
        if address:
            self._by_address[address] += 1
        return _Counted(accepted, lambda: self._ended(address))

    def _ended(self, address: str) -> None:
        self.open -= 1
        if address:
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]


class _Counted(socket.socket):
    """A socket that says once when it has ended."""

    __slots__ = ("_ended",)

    def __init__(self, accepted: socket.socket, ended: Callable[[], None]) -> None:
        # All three are given, since Python would ask the system for each.
        family, kind, protocol = accepted.family, accepted.type, accepted.proto
        super().__init__(family, kind, protocol, fileno=accepted.detach())
        self._ended: Callable[[], None] | None = ended
        self.setblocking(False)

    def close(self) -> None:
        """Close it, as asyncio's transports do at the end of a connection."""
        super().close()
        self._end()

    def detach(self) -> int:
        """Give the descriptor away, as uvloop's transports do right before they close it."""
        descriptor = super().detach()
        self._end()
        return descriptor

    def _end(self) -> None:
        if self._ended is not None:
            ended, self._ended = self._ended, None
            ended()
