"""Credentials as files: `current/tls.key` and `current/tls.crt` in a folder for each entry."""

from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from hermetic.certificates.credential import Credential
from hermetic.certstore.disk import SYSTEM_DISK, Disk, UnchangedDisk, refusals_about
from hermetic.certstore.entries import PATIENCE, Entries
from hermetic.certstore.forms import CERTIFICATE, PAIR
from hermetic.certstore.permissions import secure
from hermetic.certstore.versions import make_folders
from hermetic.errors import NotFound
from hermetic.log import logger

_ALONE = ".certificates"
"""Where certificates are whose key is elsewhere; no entry is called so."""

log = logger(__name__)


class FileStore:
    """The `CertificateStore` on a local disk, for its owner only.

    It must not lie on a network file system, where a lock may be nobody's or everybody's.
    """

    def __init__(
        self,
        root: Path,
        *,
        disk: Disk = SYSTEM_DISK,
        patience: timedelta = PATIENCE,
        mending: bool = True,
    ) -> None:
        """Open the store in the folder *root*, made if missing.

        What others could read there is taken from them, with an event for each.

        Args:
            patience: How long to wait for another writer before `Busy`.
            mending: False for who only looks: then nothing is made, closed or set aside.

        Raises:
            BadConfiguration: This user may not use what is there; the text says what to run.
            StorageFull: There is no room for the folder.
        """
        disk = disk if mending else UnchangedDisk()
        if mending:
            with refusals_about(root):
                make_folders(root, disk)
            secure(root)
        self._entries = Entries(root, PAIR, disk, patience=patience)
        self._certificates = Entries(root / _ALONE, CERTIFICATE, disk, patience=patience)

    def entries(self) -> tuple[str, ...]:
        """Return the names that hold a credential, sorted."""
        return self._entries.names()

    def folder(self, entry: str) -> Path:
        """Return the folder of *entry*, in which `current` is renamed over at each change."""
        return self._entries.folder(entry)

    def read(self, entry: str) -> Credential:
        """Return the current credential of *entry*, or the last one before it that is whole."""
        return self._entries.read(entry)

    def write(self, entry: str, credential: Credential) -> None:
        """Add *credential* as a version of *entry* and make it current."""
        number = self._entries.write(entry, credential)
        not_after = credential.chain.not_after.isoformat()
        log.info("certificate.stored", entry=entry, version=number, not_after=not_after)

    def remove(self, entry: str) -> None:
        """Forget *entry* with all its versions; nothing happens if it is not there."""
        with suppress(NotFound):
            self._entries.remove(entry)

    def read_certificate(self, entry: str) -> x509.Certificate:
        """Return the certificate that is kept of *entry* while its key is elsewhere.

        Raises `NotFound` as `read` does.
        """
        return self._certificates.read(entry)

    def write_certificate(self, entry: str, certificate: x509.Certificate) -> None:
        """Keep the certificate of *entry*, whose key is to be elsewhere."""
        self._certificates.write(entry, certificate)

    def exclusive(self, entry: str) -> AbstractContextManager[None]:
        """Hold *entry* against all others who ask this, in this process or another."""
        return self._entries.exclusive(entry)
