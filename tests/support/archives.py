"""Archives, good and bad, in memory."""

import io
import stat
import zipfile
from collections.abc import AsyncIterator, Mapping


def zipped(
    members: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, mode: int = 0o644
) -> bytes:
    """Return a ZIP of *members*; a name that ends in a slash is a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            kind = stat.S_IFDIR if name.endswith("/") else stat.S_IFREG
            info.external_attr = (kind | mode) << 16
            info.compress_type = method
            archive.writestr(info, content)
    return buffer.getvalue()


def with_link(name: str, target: str) -> bytes:
    """Return a ZIP whose one member is a symbolic link."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
    return buffer.getvalue()


def with_lie(name: str, content: bytes, claimed: int) -> bytes:
    """Return a ZIP that says everywhere that its member has *claimed* bytes."""
    data = bytearray(zipped({name: content}))
    true_size = len(content).to_bytes(4, "little")
    local = data.index(b"PK\3\4") + 22
    central = data.index(b"PK\1\2") + 24
    for place in (local, central):
        assert data[place : place + 4] == true_size
        data[place : place + 4] = claimed.to_bytes(4, "little")
    return bytes(data)


async def in_pieces(data: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """Yield *data* as a connection would."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
