"""What the code of a call writes to `sys.stdout`; standard library only."""

import io


class Capture(io.TextIOBase):
    """Stands in for `sys.stdout`: keeps the beginning, up to a bound, and counts the rest.

    The bound is in characters.  What goes past `sys.stdout`, straight to the descriptor, is not seen
    here: it ends in the pipe that the node drains.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._parts: list[str] = []
        self._room = most
        self._dropped = 0
        self._bytes: io.BufferedIOBase | None = None

    def write(self, text: str, /) -> int:
        """Keep as much of *text* as there is room for; never fails for want of it."""
        if not isinstance(text, str):
            # What io.TextIOWrapper does: print(b"…", file=…) must fail as it does elsewhere.
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        length = len(text)
        if length <= self._room:
            self._parts.append(text)
            self._room -= length
        else:
            if self._room:
                self._parts.append(text[: self._room])
            self._dropped += length - self._room
            self._room = 0
        if len(self._parts) > 10_000:
            self._parts = ["".join(self._parts)]
        return length

    def writable(self) -> bool:
        """Whether text can be written: always."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # a plain attribute in the stub
        """The encoding asked for by code that writes bytes."""
        return "utf-8"

    @property
    def buffer(self) -> io.BufferedIOBase:
        """Where code that writes bytes writes them; they are read as UTF-8."""
        if self._bytes is None:
            self._bytes = _Bytes(self)
        return self._bytes

    def peek(self) -> str:
        """Return what was kept so far."""
        return "".join(self._parts)

    def take(self) -> str:
        """Return what was kept, with a note if something was not, and begin anew."""
        if not self._parts and not self._dropped:
            return ""
        text = "".join(self._parts)
        if self._dropped:
            text += f"\n[{self._dropped} more characters were not kept]\n"
        self._parts, self._room, self._dropped = [], self._most, 0
        return text


class _Bytes(io.BufferedIOBase):
    def __init__(self, text: Capture) -> None:
        super().__init__()
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        raw = bytes(memoryview(data))  # type: ignore[arg-type]  # any buffer, as in the io module
        self._text.write(raw.decode("utf-8", "replace"))
        return len(raw)
