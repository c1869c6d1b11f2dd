"""A file inside `multipart/form-data` (RFC 7578), found while it arrives.

Bytes in, bytes out; nothing but the end of what came last is kept.
"""

from email.message import Message

from hermetic.errors import MalformedBody

_MOST_HEADER = 16 * 1024


class FormFile:
    """The first file of a form: feed it pieces, and it gives back what of them is the file.

    `name` is the file's name, as the client gave it, once it is known; `is_complete` tells
    whether the file's end has come.
    """

    def __init__(self, content_type: str) -> None:
        """Raise `MalformedBody` unless *content_type* is a form's, with its boundary."""
        fields = _fields("content-type", content_type)
        boundary = fields.get_boundary()
        if fields.get_content_type() != "multipart/form-data" or not boundary:
            raise MalformedBody("Send the file as multipart/form-data, with a boundary.")
        self._delimiter = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
        # The first delimiter needs no line before it, so it is given one.
        self._waiting = b"\r\n"
        self._in_header = False
        self.name: str | None = None
        self.is_complete = False

    def feed(self, data: bytes) -> bytes:
        """Return what of the file is certain now, or raise `MalformedBody`."""
        if self.is_complete:
            return b""
        self._waiting += data
        while self.name is None:
            if not (self._take_header() if self._in_header else self._take_delimiter()):
                return b""
        before, found, _ = self._waiting.partition(self._delimiter)
        if found:
            self.is_complete, self._waiting = True, b""
            return before
        kept = len(self._delimiter) - 1
        certain, self._waiting = before[:-kept], before[-kept:]
        return certain

    def end(self) -> None:
        """Raise `MalformedBody` unless a whole file came."""
        if not self.is_complete:
            raise MalformedBody("The form ended before a file in it did.")

    def _take_delimiter(self) -> bool:
        """Skip what is no file, up to the header of the next part; whether that was there."""
        _, found, after = self._waiting.partition(self._delimiter)
        if not found:
            self._waiting = self._waiting[-len(self._delimiter) :]
            return False
        if after.startswith(b"--"):
            raise MalformedBody("There is no file in the form: send a part with a file name.")
        self._waiting, self._in_header = after, True
        return True

    def _take_header(self) -> bool:
        """Read the header of a part, whose file name decides; whether it was all there."""
        header, found, after = self._waiting.partition(b"\r\n\r\n")
        if not found:
            if len(header) > _MOST_HEADER:
                raise MalformedBody("The header of a part of the form is too long.")
            return False
        for line in header.decode("utf-8", "replace").split("\r\n"):
            field, _, value = line.partition(":")
            if field.strip().lower() == "content-disposition":
                self.name = _fields("content-disposition", value.strip()).get_filename() or None
        # What follows an empty file's header is the delimiter without its line break.
        self._waiting, self._in_header = b"\r\n" * (self.name is None) + after, False
        return True


def _fields(name: str, value: str) -> Message:
    message = Message()
    message[name] = value
    return message
