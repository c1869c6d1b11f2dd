"""The key of what is being issued, kept for as long as that takes."""

from collections.abc import Mapping
from pathlib import Path

from hermetic.certificates.keys import PrivateKey, encode
from hermetic.certificates.reading import read
from hermetic.certstore.disk import SYSTEM_DISK, Disk
from hermetic.certstore.entries import Entries, Form
from hermetic.errors import CertificateRejected, NotFound

_KEY = "tls.key"


def key_in(documents: Mapping[str, bytes]) -> PrivateKey:
    """Return the one key in *documents*; raises `CertificateRejected` if there is none."""
    found = read(documents[_KEY]).keys
    if len(found) != 1:
        raise CertificateRejected("incomplete", f"{_KEY} holds {len(found)} keys, and should one.")
    return found[0]


def documents_of(key: PrivateKey) -> dict[str, bytes]:
    """Return how *key* is written down."""
    return {_KEY: encode(key)}


_FORM = Form("waiting key", (_KEY,), documents_of, key_in)


class PendingKey:
    """The key of one *entry*, in the folder *root*, which need not be there yet.

    Methods block, and raise as those of `FileStore` do.
    """

    def __init__(self, root: Path, entry: str, *, disk: Disk = SYSTEM_DISK) -> None:
        self._entries, self._entry = Entries(root, _FORM, disk), entry

    def read(self) -> PrivateKey | None:
        """Return the key that waits; `None` if none does."""
        try:
            return self._entries.read(self._entry)
        except NotFound:
            return None

    def write(self, key: PrivateKey) -> None:
        """Keep *key* in place of what waited."""
        self._entries.write(self._entry, key)

    def clear(self) -> None:
        """Forget the key."""
        try:
            self._entries.remove(self._entry)
        except NotFound:
            return
