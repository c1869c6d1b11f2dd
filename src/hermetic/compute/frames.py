"""The frames between a node and its workers.

A frame is 4 bytes of payload length, 1 byte of kind, 8 bytes of id (all big-endian), and the
payload.  Standard library only: a worker imports this before it knows what it will run.
"""

import struct
from collections.abc import Iterator

from hermetic.errors import BodyTooLarge, MalformedBody

READY = 1
"""Worker to node, once, after its start: JSON about the worker."""
LOAD = 2
"""Node to worker: JSON that says what to load.  Answered by LOADED or UNLOADABLE."""
LOADED = 3
UNLOADABLE = 4
CALL = 5
"""Node to worker: the body of a call.  Answered by RESULT, LAST_RESULT or ERROR."""
RESULT = 6
"""What `timed` gives: how long the call took, and its answer."""
LAST_RESULT = 7
"""As RESULT, and the worker should not be given another call."""
ERROR = 8
"""The call was refused before any code of the service ran: JSON of the error."""
PING = 9
PONG = 10
EXECUTE = 11
"""Node to an interpreter of a session: JSON.  Answered by VALUE."""
CONSOLE = 12
"""An interpreter's console output so far, while it runs."""
LIST = 13
READ = 14
WRITE = 15
"""The name of an object, a zero byte, its dill bytes."""
DELETE = 16
VALUE = 17
"""What EXECUTE, LIST, READ, WRITE or DELETE gave; their other answer is ERROR."""

_HEADER = struct.Struct(">IBQ")
_TAKEN = struct.Struct(">I")
_LONGEST_US = 0xFFFF_FFFF


def frame(kind: int, id_: int, payload: bytes) -> bytes:
    """Return one frame, ready to be sent."""
    return _HEADER.pack(len(payload), kind, id_) + payload


def timed(taken_s: float, answer: bytes) -> bytes:
    """Return the payload of a result: how long it took, in whole microseconds, and the answer."""
    return _TAKEN.pack(min(int(taken_s * 1e6), _LONGEST_US)) + answer


def untimed(payload: bytes) -> tuple[float, bytes]:
    """Return the seconds and the answer that `timed` put together.

    Raises:
        MalformedBody: It is shorter than the time alone.
    """
    if len(payload) < _TAKEN.size:
        raise MalformedBody("A result came without the time that it took.")
    return _TAKEN.unpack_from(payload)[0] / 1e6, payload[_TAKEN.size :]


class FrameReader:
    """Cuts what arrives into frames; never holds more than one payload of `most` bytes."""

    __slots__ = ("_buffer", "_most", "_wanted")

    def __init__(self, most: int) -> None:
        self._buffer = bytearray()
        self._wanted = 0
        self._most = most

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Yield the kind, id and payload of every frame that *data* completes.

        Raises:
            BodyTooLarge: A frame says that it is longer than allowed; the connection is useless.
        """
        if self._buffer:
            self._buffer += data
            if len(self._buffer) < self._wanted:
                return
            data = bytes(self._buffer)
            self._buffer.clear()
        # Nearly every read holds whole frames: no copy through the buffer.
        at, size, self._wanted = 0, len(data), 13
        try:
            while size - at >= 13:
                length, kind, id_ = _HEADER.unpack_from(data, at)
                if length > self._most:
                    raise BodyTooLarge(
                        f"A frame of {length} bytes came, and {self._most} are allowed."
                    )
                begin, at = at, at + 13 + length
                if at > size:
                    self._wanted, at = 13 + length, begin
                    break
                yield kind, id_, data[begin + 13 : at]
        finally:
            if at < size:
                self._buffer += data[at:]
