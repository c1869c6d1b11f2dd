"""Credentials as files: `current/tls.key` and `current/tls.crt` in a folder for each entry.

What is damaged is told by a third file, `sha256sums`: a bit that flips in the signature of an
intermediate leaves a pair that still parses and fits, and is refused by every client.
(`sha256sum -c sha256sums` asks the same question by hand.)  How a version is written and
switched to is in `versions`; here is who may do it when, and what is served when one is bad.
"""

import errno
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from hermetic.certificates.credential import Credential, pair
from hermetic.certificates.reading import read
from hermetic.certstore.disk import SYSTEM_DISK, Disk, refusals_about
from hermetic.certstore.permissions import secure
from hermetic.certstore.versions import Versions, make_folders
from hermetic.errors import BadInput, Busy, CertificateRejected, NotFound
from hermetic.log import logger

_KEY, _CHAIN, _SUMS = "tls.key", "tls.crt", "sha256sums"
_ENTRY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_PATIENCE = timedelta(seconds=10)
"""A write takes milliseconds, on a slow disk a second; whoever holds a lock longer is stuck."""
_LOCK_POLL_S = 0.02
_DAMAGE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO})
"""What reading a version may end with that an earlier version can make good."""

log = logger(__name__)


class FileStore:
    """The `CertificateStore` on a local disk, for its owner only.

    It must not lie on a network file system, where a lock may be nobody's or everybody's.
    """

    def __init__(
        self, root: Path, *, disk: Disk = SYSTEM_DISK, patience: timedelta = _PATIENCE
    ) -> None:
        """Open the store in the folder *root*, made if missing.

        What others could read there is taken from them, with an event for each.

        Args:
            patience: How long to wait for another writer before `Busy`.

        Raises:
            BadConfiguration: This user may not use what is there; the text says what to run.
            StorageFull: There is no room for the folder.
        """
        self._root, self._disk, self._patience = root, disk, patience
        with refusals_about(root):
            make_folders(root, disk)
        secure(root)

    def entries(self) -> tuple[str, ...]:
        """Return the names that hold a credential, sorted."""
        with refusals_about(self._root):
            found = [path.name for path in self._root.iterdir() if _ENTRY.match(path.name)]
        return tuple(sorted(name for name in found if self._versions(name).numbers))

    def folder(self, entry: str) -> Path:
        """Return the folder of *entry*, in which `current` is renamed over at each change."""
        if not _ENTRY.match(entry):
            raise BadInput(
                f"{entry!r} cannot be the name of an entry: use 1 to 128 letters, digits or any"
                " of . _ -, beginning with a letter or a digit."
            )
        return self._root / entry

    def read(self, entry: str) -> Credential:
        """Return the current credential of *entry*, or the last one before it that is whole."""
        versions = self._versions(entry)
        with refusals_about(self.folder(entry)):
            number = versions.current
            while number is not None:
                try:
                    return self._load(versions.folder_of(number))
                except CertificateRejected:
                    again = versions.current
                    if again == number:
                        break
                    number = again  # writers overtook us, and removed what we were reading
            return self._recover(entry, versions)

    def write(self, entry: str, credential: Credential) -> None:
        """Add *credential* as a version of *entry* and make it current."""
        documents = _documents(credential)
        versions = self._versions(entry)
        with refusals_about(self.folder(entry)):
            versions.make()
            with self._locked(versions.path, entry):
                number = versions.add(documents)
        not_after = credential.chain.not_after.isoformat()
        log.info("certificate.stored", entry=entry, version=number, not_after=not_after)

    @contextmanager
    def exclusive(self, entry: str) -> Iterator[None]:
        """Hold *entry* against all others who ask this, in this process or another."""
        folder = self.folder(entry)
        with refusals_about(folder):
            make_folders(folder, self._disk)
        with self._locked(folder, entry):
            yield

    def _versions(self, entry: str) -> Versions:
        return Versions(self.folder(entry), self._disk)

    @contextmanager
    def _locked(self, folder: Path, entry: str) -> Iterator[None]:
        """Lock *folder* itself: there is no lock file that a full disk or a crash could spoil."""
        with refusals_about(folder):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._lock(descriptor, entry)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int, entry: str) -> None:
        waited_s = 0.0
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if waited_s >= self._patience.total_seconds():
                raise Busy(
                    f"Another process has held the credential {entry!r} in {self._root} for more"
                    f" than {self._patience.total_seconds():g} s: try again, or end it."
                )
            time.sleep(_LOCK_POLL_S)
            waited_s += _LOCK_POLL_S

    def _load(self, version: Path) -> Credential:
        """Return what *version* holds, or raise `CertificateRejected` if it is damaged."""
        try:
            key, chain, sums = (self._disk.read(version / n) for n in (_KEY, _CHAIN, _SUMS))
        except OSError as error:
            if error.errno not in _DAMAGE:
                raise
            raise CertificateRejected(
                "incomplete", f"{error.filename or version} cannot be read: {error.strerror}."
            ) from error
        if sums != _sums({_KEY: key, _CHAIN: chain}):
            raise CertificateRejected(
                "altered", f"The files in {version} are not what was written: see {_SUMS} there."
            )
        return pair(read(key + chain))

    def _recover(self, entry: str, versions: Versions) -> Credential:
        """Set aside what is damaged, and return the newest credential that is whole."""
        if not versions.numbers:
            raise NotFound(f"There is no credential {entry!r} in {self._root}.")
        with self._locked(versions.path, entry):
            current = versions.current
            for number in sorted(versions.numbers, key=lambda n: (n == current, n), reverse=True):
                try:
                    credential = self._load(versions.folder_of(number))
                except CertificateRejected as rejected:
                    self._quarantine(entry, versions, number, rejected)
                    continue
                if number != current:
                    with suppress(OSError):  # a full disk must not keep the pair from serving
                        versions.lead_to(number)
                    log.warning("certificate.earlier_served", entry=entry, version=number)
                return credential
            with suppress(OSError):
                versions.lead_to(None)
        raise NotFound(
            f"There is no whole credential {entry!r} in {self._root}: issue or import a new one."
        )

    def _quarantine(
        self, entry: str, versions: Versions, number: int, rejected: CertificateRejected
    ) -> None:
        path = versions.folder_of(number)
        with suppress(OSError):  # where nothing can be moved, leaving it is no worse
            path = versions.set_aside(number)
        log.warning(
            "certificate.quarantined",
            entry=entry,
            version=number,
            reason=rejected.code,
            text=rejected.text,
            path=str(path),
        )


def _documents(credential: Credential) -> dict[str, bytes]:
    """Return the files of *credential*, having refused what `read` could not give back."""
    documents = {_KEY: credential.key_pem, _CHAIN: credential.chain_pem}
    pair(read(documents[_KEY] + documents[_CHAIN]))
    return {**documents, _SUMS: _sums(documents)}


def _sums(documents: dict[str, bytes]) -> bytes:
    lines = [f"{hashlib.sha256(documents[n]).hexdigest()}  {n}\n" for n in sorted(documents)]
    return "".join(lines).encode()
