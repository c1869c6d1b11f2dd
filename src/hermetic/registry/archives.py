"""Archives of bundles: unpacked with suspicion, packed so that equal content is equal bytes."""

import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hermetic.errors import BundleRejected, NotFound
from hermetic.log import logger
from hermetic.registry.disk import (
    PIECE,
    create_file,
    full_disk_told,
    keep_names,
    open_file,
    plain_files,
)
from hermetic.serving.bundle import TAIL_SIZE, Bounds, Member, Place, Shelf, check_tail, places
from hermetic.serving.schema import is_file_name

log = logger(__name__)

# Other methods take memory by their own parameters; no archive of ours has any.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment a ZIP can hold; any would do, if always the same


def inspect(archive: BinaryIO, bounds: Bounds) -> int:
    """Return how many files *archive* holds, or raise `BundleRejected` if it is no bundle."""
    with _opened(archive, bounds) as (_, contents):
        return sum(not place.is_folder for _, place in contents)


def unpack(archive: BinaryIO, target: Path, bounds: Bounds) -> None:
    """Unpack *archive* as the new folder *target*: folders 0500, files 0400, all on the disk.

    On an error *target* may be left half-made; it is the caller's to remove.

    Raises:
        BundleRejected: The archive is damaged, or holds what a bundle may not.
        StorageFull: There is no room.
    """
    with full_disk_told(), _opened(archive, bounds) as (opened, contents):
        folders = {target}
        for shelf in Shelf:
            folders.add(target / shelf)
        for _, place in contents:
            path = target.joinpath(*place.parts)
            folders.update(_folders(target, path if place.is_folder else path.parent))
        for folder in sorted(folders):
            folder.mkdir(mode=0o700)
        for info, place in contents:
            if not place.is_folder:
                _unpack_one(opened, info, target.joinpath(*place.parts))
        for folder in sorted(folders, reverse=True):
            keep_names(folder)
            folder.chmod(0o500)


def pack(folder: Path, target: BinaryIO, bounds: Bounds) -> None:
    """Write what the two shelves in *folder* hold to *target*, as a bundle.

    What is neither a file nor a folder is left out.  Nothing is compressed: models hardly
    are, and another version of the library would make other bytes of the same content.

    Raises:
        BundleRejected: A name cannot stand in a bundle, or it would be too large.
        StorageFull: There is no room.
    """
    size = 0
    with full_disk_told(), zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for parts in _content(folder):
            _refuse_odd(parts)
            try:
                source = open_file(folder, *parts)
            except NotFound:
                log.warning("snapshot.left-out", file="/".join(parts))
                continue
            info = zipfile.ZipInfo("/".join(parts), _EPOCH)
            info.create_system, info.external_attr = 3, 0o100600 << 16
            with source, archive.open(info, "w") as member:
                while piece := source.read(PIECE):
                    size += len(piece)
                    if size > bounds.archive:
                        raise BundleRejected(
                            f"What is to be kept is larger than {bounds.archive} bytes."
                        )
                    member.write(piece)


@contextmanager
def _opened(
    archive: BinaryIO, bounds: Bounds
) -> Iterator[tuple[zipfile.ZipFile, list[tuple[zipfile.ZipInfo, Place]]]]:
    try:
        size = archive.seek(0, os.SEEK_END)
        archive.seek(max(0, size - TAIL_SIZE))
        check_tail(archive.read(TAIL_SIZE), size, bounds)
        with zipfile.ZipFile(archive) as opened:
            infos = opened.infolist()
            if any(info.compress_type not in _METHODS for info in infos):
                raise BundleRejected("The archive is compressed by another method than deflate.")
            yield (
                opened,
                list(zip(infos, places([*map(_member, infos)], size, bounds), strict=True)),
            )
    # What the library says to damage depends on where it hits.
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as error:
        raise BundleRejected(f"The archive is damaged ({error}): make it anew.") from error


def _member(info: zipfile.ZipInfo) -> Member:
    # The original name, since the library cuts the other one at a NUL.
    return Member(
        info.orig_filename,
        info.file_size,
        info.compress_size,
        info.external_attr >> 16,
        bool(info.flag_bits & 0x1),
    )


def _folders(target: Path, folder: Path) -> Iterator[Path]:
    while folder != target:
        yield folder
        folder = folder.parent


def _unpack_one(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> None:
    # The library stops at the size the table of contents gives, and compares the checksum.
    with archive.open(info) as source, create_file(path, mode=0o400) as target:
        shutil.copyfileobj(source, target, PIECE)
        target.flush()
        os.fsync(target.fileno())
        if target.tell() != info.file_size:
            raise BundleRejected(f"{info.filename!r} is not as long as the archive says.")


def _content(folder: Path) -> Iterator[tuple[str, ...]]:
    for shelf in Shelf:
        yield from plain_files(folder, shelf)


def _refuse_odd(parts: tuple[str, ...]) -> None:
    for part in parts:
        if not is_file_name(part) or not part.isprintable():
            raise BundleRejected(f"{part!r} cannot be kept: rename the file to a plain name.")
