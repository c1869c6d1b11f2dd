"""The contract of whoever keeps credentials.

A store holds *entries*: names such as `api`, each with one current credential and, as far as
its maker can, some earlier ones.  `tests/contracts/test_certificate_store.py` holds every maker
to what is written here.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from hermetic.certificates.credential import Credential


class CertificateStore(Protocol):
    """Keeps credentials by name, so that a reader never meets half of one.

    The name of an entry MUST be 1 to 128 letters, digits or any of `. _ -`, beginning with a
    letter or digit; anything else is `BadInput`.  All methods block and MAY wait for the disk:
    call them in a thread where an event loop runs.  A store MAY be used by several threads and
    processes at once.
    """

    def entries(self) -> tuple[str, ...]:
        """Return the names that hold a credential, sorted."""
        ...

    def read(self, entry: str) -> Credential:
        """Return the last credential of *entry* that is whole.

        What is damaged MUST be set aside, not deleted, with an event that says why, and the one
        before it returned.  The store does not judge time, names or trust.

        Raises:
            NotFound: There is none, or none that is whole.
            BadConfiguration: What is there cannot be read by this user.
        """
        ...

    def write(self, entry: str, credential: Credential) -> None:
        """Make *credential* the current one of *entry*, wholly or not at all.

        It is durable when this returns.  However it fails, and if the process is killed, what
        was current MUST stay current, and the next `write` MUST work without anybody's help.

        Raises:
            CertificateRejected: Its key does not fit its chain; nothing was changed.
            StorageFull: There is no room; nothing was changed.
            Busy: Another writer of this entry did not end in time; nothing was changed.
            BadConfiguration: This user may not write there.
        """
        ...

    def folder(self, entry: str) -> Path:
        """Return the folder in which something changes whenever *entry* does.

        It exists once the entry was written.  `current/tls.crt` and `current/tls.key` in it are
        what `read` returns.
        """
        ...

    def exclusive(self, entry: str) -> AbstractContextManager[None]:
        """Hold *entry* while deciding whether to write it, against all others who ask this.

        It does not keep anybody from `read` or `write`.  The hold MUST end with the process,
        however that ends.  Raises `Busy` if the other side does not let go in time.
        """
        ...
