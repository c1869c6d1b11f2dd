"""A request like the one before it on its connection.

Who keeps a connection open sends the same header section again and again; only the length of the
body differs, and perhaps the request's id.  Its *form* was parsed and judged once.  What has the
same form, byte for byte, means the same, and is not parsed again; anything else goes to the
parser.  Nothing here decides what is good HTTP.
"""

from dataclasses import dataclass, field

from hermetic.http.requests import FIELD, WELL_FORMED

_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_NAMED = b"\r\n%b:" % FIELD
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Form:
    """A header section with a gap for the length of the body, and one before it for an id.

    `before` goes up to the id, or to the length if the request has no id; `between` from the id
    to the length; `after` to the body.  `fields` are the header's, but for those two values.
    """

    url: bytes
    fields: dict[bytes, bytes] = field(repr=False)
    before: bytes = field(repr=False)
    between: bytes | None = field(repr=False)
    after: bytes = field(repr=False)

    @classmethod
    def of(cls, request: bytes, url: bytes, fields: dict[bytes, bytes]) -> "Form | None":
        """Return the form of *request*, which was parsed into *url* and *fields*.

        `None` if it is not one whole request and nothing else, with a length, and no id after it.
        """
        end = request.find(_END) + len(_END)
        low = request[:end].lower()
        length = _value(low, _LENGTH)
        if length is None or int(request[slice(*length)]) != len(request) - end:
            return None
        first, last = length
        if FIELD not in fields:
            return cls(url, fields, request[:first], None, request[last:end])
        named = _value(low, _NAMED)
        if named is None or named[0] > first:
            return None
        return cls(url, fields, request[: named[0]], request[named[1] : first], request[last:end])

    def match(self, data: bytes) -> tuple[bytes | None, bytes] | None:
        """Return the id and the body of *data* if it is one whole request of this form."""
        if not data.startswith(self.before):
            return None
        at, request_id = len(self.before), None
        between = self.between
        if between is not None:
            end = data.find(b"\r", at)
            request_id = data[at:end]
            if not WELL_FORMED.match(request_id) or not data.startswith(between, end):
                return None
            at = end + len(between)
        end = data.find(b"\r", at, at + _DIGITS + 1)
        digits = data[at:end]
        if not digits.isdigit() or not data.startswith(self.after, end):
            return None
        body = data[end + len(self.after) :]
        return (request_id, body) if len(body) == int(digits) else None


def _value(low: bytes, name: bytes) -> tuple[int, int] | None:
    """Return where the value after *name* begins and ends, if it is plain."""
    found = low.find(name)
    if found < 0:
        return None
    first = found + len(name)
    while low[first : first + 1] in (b" ", b"\t"):
        first += 1
    last = low.find(b"\r", first)
    value = low[first:last]
    plain = (
        value.isdigit() and len(value) <= _DIGITS if name is _LENGTH else WELL_FORMED.match(value)
    )
    return (first, last) if plain else None
