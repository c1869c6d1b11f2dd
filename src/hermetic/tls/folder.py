"""A pair in a folder: `tls.crt` and `tls.key`, as our store, the kubelet or a person lays them.

::

    api/current -> versions/7        our store: `current/tls.crt`
    api/..data -> ..2026_11_22…      a Secret volume: `tls.crt -> ..data/tls.crt`
    api/tls.crt, api/tls.key         a person, or a tool that copies

Where a link says which version counts, it is followed once and both files are read from the
folder it led to, so that a change in between cannot mix two versions.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hermetic.certificates.credential import Credential, pair
from hermetic.certificates.keys import encode_public
from hermetic.certificates.reading import Contents, read
from hermetic.errors import CertificateRejected

CHAIN, KEY = "tls.crt", "tls.key"
_LINKS = ("current", "..data")
# More than `certificates.reading` takes, so that it is the one to say that a file is too large.
_LARGEST = 1 << 20
# The kubelet removes the old folder right after it moved the link: a reader may come too late.
_TRIES = 20
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR})


def read_folder(folder: Path) -> Credential:
    """Return the credential that lies in *folder* now.

    Raises:
        CertificateRejected: `missing-file`, `unreadable`, and those of `reading.read` and
            `credential.pair`; the text begins with the file it is about.
    """
    chain, key = _documents(folder)
    in_chain, in_key = _parsed(folder / CHAIN, chain), _parsed(folder / KEY, key)
    keys = {encode_public(one.public_key()): one for one in (*in_chain.keys, *in_key.keys)}
    certificates = dict.fromkeys((*in_chain.certificates, *in_key.certificates))
    with _about(folder):
        return pair(Contents(tuple(certificates), tuple(keys.values())))


def digest_of(folder: Path) -> str:
    """Return a word that changes whenever one of the files does; also when one goes or comes.

    It is made of what is in the files, so that a copied, touched or relinked pair is the same.
    """
    try:
        documents = _documents(folder)
    except CertificateRejected as error:
        return f"{error.code}: {error.text}"
    return ":".join(hashlib.sha256(document).hexdigest() for document in documents)


def _documents(folder: Path) -> tuple[bytes, bytes]:
    for _ in range(_TRIES - 1):
        # Gone between two looks: there is a newer version by now, or soon.
        with suppress(FileNotFoundError, NotADirectoryError):
            return _read_version(folder)
    try:
        return _read_version(folder)
    except (FileNotFoundError, NotADirectoryError) as error:
        name = Path(os.fsdecode(error.filename or "")).name
        missing = folder / name if name in (CHAIN, KEY) else folder
        raise CertificateRejected("missing-file", f"{missing} is not there.") from error


def _read_version(folder: Path) -> tuple[bytes, bytes]:
    place = folder
    for link in _LINKS:
        with suppress(OSError):
            place = folder / (folder / link).readlink()
            break
    with _refused(folder):
        version = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _read(folder, CHAIN, version), _read(folder, KEY, version)
    finally:
        os.close(version)


def _read(folder: Path, name: str, version: int) -> bytes:
    with _refused(folder / name):
        # Without O_NONBLOCK, opening a pipe would wait for somebody to write into it.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=version)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise CertificateRejected("unreadable", f"{folder / name} is not a file.")
            return file.read(_LARGEST)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Say what the system refuses about *path*; that it is missing is for the caller to judge."""
    try:
        yield
    except OSError as error:
        if error.errno in _MISSING:
            raise
        raise CertificateRejected(
            "unreadable",
            f"{path} cannot be read by user {os.geteuid()}: {error.strerror}.",
        ) from error


def _parsed(path: Path, document: bytes) -> Contents:
    with _about(path):
        return read(document)


@contextmanager
def _about(path: Path) -> Iterator[None]:
    try:
        yield
    except CertificateRejected as error:
        raise CertificateRejected(error.code, f"{path}: {error.text}") from error
