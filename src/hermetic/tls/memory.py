"""Bytes under a path, without a file: for libraries that read keys from paths only.

`ssl` loads a key from a path and nowhere else (cpython#118557).  What is given to it here lies
in the memory of the process, is seen by this process alone, and is gone when the block ends.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only as the parent of a folder of our own


@contextmanager
def as_path(data: bytes) -> Iterator[Path]:
    """Yield a path whose content is *data* until the block ends."""
    descriptor = _in_memory(data)
    if descriptor is None:
        with _in_private_folder(data) as path:
            yield path
        return
    try:
        yield _path(descriptor)
    finally:
        os.close(descriptor)


def private_place() -> Path | None:
    """Return where files of a moment go: memory where there is `/dev/shm`, else None, the usual."""
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK | os.X_OK) else None


def _in_memory(data: bytes) -> int | None:
    """Return a descriptor of nameless memory that holds *data*, or None where there is none."""
    try:
        descriptor = os.memfd_create("hermetic")
    except (AttributeError, OSError):  # a kernel or a seccomp filter without memfd_create
        return None
    try:
        # Written through Python's own loop: one `os.write` may take only a part.
        with os.fdopen(descriptor, "wb", closefd=False) as memory:
            memory.write(data)
        # A container may run without /proc; then the path would lead nowhere.
        _path(descriptor).stat()
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _path(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}")


@contextmanager
def _in_private_folder(data: bytes) -> Iterator[Path]:
    # 0700 from the first instant; memory again where there is /dev/shm, else the usual place
    folder = Path(tempfile.mkdtemp(prefix="hermetic-", dir=private_place()))
    try:
        path = folder / "data"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        yield path
    finally:
        shutil.rmtree(folder)
