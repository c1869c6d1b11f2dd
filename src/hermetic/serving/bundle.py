"""A bundle: the archive a service is published as, known by its digest.

Pure: decides by an archive's table of contents whether it may be unpacked at all.  An archive
is a ZIP without comment, encryption, prefix or 64-bit extensions; whatever allows two readings
of one archive is refused rather than understood.
"""

import stat
import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hermetic.errors import BundleRejected
from hermetic.serving.schema import is_file_name

MEBIBYTE = 1024 * 1024


class Shelf(StrEnum):
    """The two folders of a bundle, and of a session."""

    FILES = "files"
    """What lies in the working folder when a call begins."""
    WORKSPACE = "workspace"
    """Serialised objects, each becoming a global variable of its name; only workers read them."""


@dataclass(frozen=True)
class Bounds:
    """How large a bundle may be; sizes are in bytes."""

    archive: int = 1024 * MEBIBYTE
    unpacked: int = 4096 * MEBIBYTE
    members: int = 10_000
    # Deflate reaches 1032:1 on zeros, and an honest array can be mostly zeros: so the ratio
    # counts only beyond a size that would hurt.
    ratio: int = 200
    ratio_counts_from: int = 64 * MEBIBYTE
    directory: int = 8 * MEBIBYTE  # read into memory before a single name is known
    depth: int = 32
    path: int = 1024


@dataclass(frozen=True)
class Member:
    """One entry of an archive's table of contents, as it stands there."""

    name: str
    size: int
    packed_size: int
    mode: int = 0
    is_encrypted: bool = False


@dataclass(frozen=True)
class Place:
    """Where a member goes: the folders it lies in and its own name, beginning with a shelf."""

    parts: tuple[str, ...]
    is_folder: bool


_END = struct.Struct("<4s4H2LH")
_END_MAGIC, _LOCATOR_MAGIC, _LOCATOR_SIZE = b"PK\x05\x06", b"PK\x06\x07", 20
TAIL_SIZE = _END.size + _LOCATOR_SIZE
"""How many of an archive's last bytes `check_tail` wants to see (all, if there are fewer)."""


def check_tail(tail: bytes, archive_size: int, bounds: Bounds) -> None:
    """Raise `BundleRejected` unless the end of an archive allows reading its directory.

    The directory of contents is read whole by any reader, so its length is looked at first.
    """
    if len(tail) < _END.size:
        raise BundleRejected("This is no ZIP archive: it is too short to be one.")
    magic, disk, first_disk, here, total, size, offset, comment = _END.unpack(tail[-_END.size :])
    if magic != _END_MAGIC or comment:
        raise BundleRejected(
            "This is no whole ZIP archive, or one with a comment: make it anew and send all of it."
        )
    if tail[-TAIL_SIZE:].startswith(_LOCATOR_MAGIC) or disk or first_disk or here != total:
        raise BundleRejected("The archive is in parts or has ZIP64 extensions: make it smaller.")
    if offset + size + _END.size != archive_size:
        raise BundleRejected("The archive has bytes before or after its contents: make it anew.")
    if size > bounds.directory or total > bounds.members:
        raise BundleRejected(
            f"The archive has {total} members: no more than {bounds.members} are accepted."
        )


def places(members: Sequence[Member], archive_size: int, bounds: Bounds) -> tuple[Place, ...]:
    """Return where each member goes, in their order.

    Raises:
        BundleRejected: A name leads outside, two members collide, one is neither file nor
            folder, or all together are too many or too large.
    """
    _refuse_bomb(members, archive_size, bounds)
    found = tuple(_place(member, bounds) for member in members)
    _refuse_clashes(found)
    return found


def _refuse_bomb(members: Sequence[Member], archive_size: int, bounds: Bounds) -> None:
    total = sum(member.size for member in members)
    if len(members) > bounds.members:
        raise BundleRejected(
            f"The archive has {len(members)} members: no more than {bounds.members} are accepted."
        )
    if total > bounds.unpacked:
        raise BundleRejected(
            f"The archive unpacks to {total} bytes: no more than {bounds.unpacked} are accepted."
        )
    if total > max(bounds.ratio_counts_from, bounds.ratio * archive_size):
        raise BundleRejected(
            f"The archive unpacks to more than {bounds.ratio} times its size: that is a bomb."
        )
    if sum(member.packed_size for member in members) > archive_size:
        raise BundleRejected("Members of the archive overlap: that is a bomb, or it is damaged.")


def _place(member: Member, bounds: Bounds) -> Place:
    is_folder = member.name.endswith("/")
    _refuse_special(member, is_folder=is_folder)
    parts = tuple((member.name[:-1] if is_folder else member.name).split("/"))
    _refuse_path(member.name, parts, bounds)
    if parts[0] not in set(Shelf) or (len(parts) == 1 and not is_folder):
        raise BundleRejected(
            f"{member.name!r} lies in neither files/ nor workspace/: a bundle has these two."
        )
    if parts[0] == Shelf.WORKSPACE and len(parts) + is_folder > 2:
        raise BundleRejected(f"{member.name!r} is a folder inside workspace/: it holds objects.")
    return Place(parts, is_folder)


def _refuse_special(member: Member, *, is_folder: bool) -> None:
    kind = stat.S_IFMT(member.mode)
    if member.is_encrypted:
        raise BundleRejected(f"{member.name!r} is encrypted: send it in the clear, over TLS.")
    if kind not in {0, stat.S_IFDIR if is_folder else stat.S_IFREG}:
        raise BundleRejected(
            f"{member.name!r} is neither a file nor a folder: links and devices are not accepted."
        )
    if is_folder and member.size:
        raise BundleRejected(f"{member.name!r} is a folder with content of its own.")


def _refuse_path(name: str, parts: tuple[str, ...], bounds: Bounds) -> None:
    if not all(is_file_name(part) for part in parts) or not _is_text(name):
        raise BundleRejected(
            f"{name!r} leads outside the bundle, or is no plain name: use relative paths"
            " of letters, digits and the like."
        )
    if len(parts) > bounds.depth or len(name) > bounds.path:
        raise BundleRejected(f"{name[:80]!r}… is too long a path or too deep.")


def _is_text(name: str) -> bool:
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in name)


def _refuse_clashes(found: Iterable[Place]) -> None:
    """Refuse two members that would be one, here or on a disk that does not tell case."""
    seen: dict[str, tuple[tuple[str, ...], bool]] = {}
    for place in found:
        for length in range(1, len(place.parts) + 1):
            parts = place.parts[:length]
            is_whole = length == len(place.parts)
            is_folder = place.is_folder or not is_whole
            folded = unicodedata.normalize("NFC", "/".join(parts)).casefold()
            known = seen.setdefault(folded, (parts, is_folder))
            is_new = known[0] is parts
            if not is_new and (known != (parts, is_folder) or not is_folder):
                raise BundleRejected(
                    f"{'/'.join(parts)!r} and {'/'.join(known[0])!r} are the same name twice."
                )
