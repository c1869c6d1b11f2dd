"""PEM: finding the blocks in a text that people, tools and mail programs have handled.

RFC 7468 and what is around in practice: text between blocks, any line ends, indented lines (out
of YAML), a byte order mark, UTF-16 (out of PowerShell), headers of the old encrypted keys.
"""

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from hermetic.errors import CertificateRejected

MARK = b"-----BEGIN "

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_HEADERS = re.compile(rb"\s*((?:[A-Za-z0-9-]+:[^\r\n]*\r?\n[ \t]*)+)\r?\n")
_LINE = 64


@dataclass(frozen=True)
class Block:
    """One block: its label, such as `CERTIFICATE`, what it holds, and its headers, if any."""

    label: str
    data: bytes = field(repr=False)
    headers: bytes = b""

    @property
    def is_encrypted(self) -> bool:
        """Whether the headers of RFC 1421 say so; `ENCRYPTED PRIVATE KEY` says it in its label."""
        return b"ENCRYPTED" in self.headers

    @property
    def text(self) -> bytes:
        """The block written anew, as strict parsers want it."""
        body = binascii.b2a_base64(self.data, newline=False)
        lines = b"".join(body[i : i + _LINE] + b"\n" for i in range(0, len(body), _LINE))
        label = self.label.encode()
        headers = self.headers + b"\n" if self.headers else b""
        return b"-----BEGIN %b-----\n%b%b-----END %b-----\n" % (label, headers, lines, label)


def decoded(data: bytes) -> bytes:
    """Return *data* without a byte order mark, and text that was in UTF-16 as ASCII."""
    if data.startswith(codecs.BOM_UTF8):
        return data[len(codecs.BOM_UTF8) :]
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace").encode("ascii", "replace")
    return data


def blocks(data: bytes) -> Iterator[Block]:
    """Yield the blocks of *data* in order.

    Raises `CertificateRejected`: `truncated` if a block does not end, `malformed` if one is not
    base64.
    """
    begins = list(_BEGIN.finditer(data))
    limits = [*(begin.start() for begin in begins[1:]), len(data)]
    for begin, limit in zip(begins, limits, strict=False):
        label = begin[1].decode()
        end = data.find(b"-----END %b-----" % begin[1], begin.end(), limit)
        if end < 0:
            raise CertificateRejected(
                "truncated",
                f"The block that begins with '-----BEGIN {label}-----' does not end: copy the"
                f" whole file, up to and with '-----END {label}-----'.",
            )
        yield _block(label, data[begin.end() : end])


def _block(label: str, inside: bytes) -> Block:
    headers = _HEADERS.match(inside)
    body = inside[headers.end() :] if headers else inside
    try:
        data = binascii.a2b_base64(b"".join(body.split()), strict_mode=True)
    except binascii.Error as error:
        raise CertificateRejected(
            "malformed", f"What stands inside '-----BEGIN {label}-----' is not base64: {error}."
        ) from error
    if not data:
        raise CertificateRejected(
            "truncated", f"There is nothing inside '-----BEGIN {label}-----'."
        )
    lines = headers[1].split(b"\n") if headers else []
    return Block(label, data, b"".join(line.strip() + b"\n" for line in lines if line.strip()))
