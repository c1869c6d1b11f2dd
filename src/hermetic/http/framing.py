"""What a header section may look like beyond what the parser insists on.

Pure.  Two servers in a row that read a request differently let one request hide in another
(RFC 9112, 11.2); so what could be read in two ways is refused, not repaired.
"""

from collections.abc import Mapping, Sequence

from hermetic.errors import AddressTooLong, HeadersTooLarge, InvalidHttp
from hermetic.http.limits import WireLimits
from hermetic.http.requests import FIELD

Field = tuple[bytes, bytes]

UNUSUAL = frozenset((b"connection", b"transfer-encoding", b"upgrade"))
"""Fields without which, and with a host, `check_framing` has nothing to look at."""

AMBIGUOUS = (b"%2f", b"%5c", b"%00")
"""To some servers these part a path, to others they are letters."""

# Content-Length and Transfer-Encoding are not among them: llhttp refuses those itself.
_ONCE = frozenset((b"host", b"authorization", b"content-type", b"expect", FIELD))


def check_sizes(fields: Sequence[Field], address: bytes, limits: WireLimits) -> None:
    """Raise `HeadersTooLarge` or `AddressTooLong` if there is more than *limits* allow."""
    if len(fields) > limits.header_fields:
        raise headers_too_large(limits)
    if len(address) > limits.address_bytes:
        raise AddressTooLong(f"Send an address of at most {limits.address_bytes} bytes.")
    size = sum(len(name) + len(value) + 4 for name, value in fields)
    if size + len(address) > limits.header_bytes:
        raise headers_too_large(limits)


def check_repeated(fields: Sequence[Field]) -> None:
    """Raise `InvalidHttp` if a field came twice that means something only once."""
    seen: set[bytes] = set()
    for name, _ in fields:
        if name in seen and name in _ONCE:
            raise InvalidHttp(f"Send the field {name.decode()} once.")
        seen.add(name)


def check_framing(fields: Mapping[bytes, bytes], version: str, *, upgrading: bool) -> bool:
    """Return whether another request may follow on the connection, as far as we allow it.

    Args:
        version: Of HTTP, such as "1.1".
        upgrading: Whether the parser would hand what follows to another protocol.

    Raises:
        InvalidHttp: The version is none of ours, the host is missing, or the body is framed in
            a way that two parsers could read differently.
    """
    if version not in {"1.0", "1.1"}:
        raise InvalidHttp(f"Speak HTTP/1.1, not {version}.")
    if version == "1.1" and b"host" not in fields:
        raise InvalidHttp("Name the host (RFC 9112, 3.2).")
    coding = fields.get(b"transfer-encoding")
    # llhttp says so only after the header section, when an answer may be under way.
    if coding is not None and (version == "1.0" or coding.lower() != b"chunked"):
        raise InvalidHttp("Send a body with Content-Length, or chunked.")
    has_body = coding is not None or fields.get(b"content-length", b"0") != b"0"
    # llhttp hands the body over as the new protocol's, so it could only be misread.
    if upgrading and has_body:
        raise InvalidHttp("Send a body without asking for another protocol.")
    return version == "1.1" and not upgrading


def headers_too_large(limits: WireLimits) -> HeadersTooLarge:
    """Return the error that says how large a header section may be."""
    return HeadersTooLarge(
        f"Send a header of at most {limits.header_bytes} bytes in {limits.header_fields} fields."
    )
