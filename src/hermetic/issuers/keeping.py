"""What our own authority asks of whoever keeps its keys, and of the ledger of its signatures."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential


class Keeping(Protocol):
    """What the authority asks of the store that keeps its keys; a `FileStore` does it."""

    def read(self, entry: str) -> Credential:
        """Return the credential *entry*, or raise `NotFound`."""
        ...

    def write(self, entry: str, credential: Credential) -> None:
        """Keep *credential* as *entry*, durably."""
        ...

    def remove(self, entry: str) -> None:
        """Forget *entry* with all its versions; nothing happens if it is not there."""
        ...

    def read_certificate(self, entry: str) -> x509.Certificate:
        """Return the certificate of *entry* whose key is elsewhere, or raise `NotFound`."""
        ...

    def write_certificate(self, entry: str, certificate: x509.Certificate) -> None:
        """Keep the certificate of *entry*, whose key is to be elsewhere."""
        ...

    def exclusive(self, entry: str) -> AbstractContextManager[None]:
        """Hold *entry* against other processes."""
        ...


class Noting(Protocol):
    """Where signatures are written down (`certstore.ledger`)."""

    def add(self, chain: Chain, *, at: datetime, role: str, by: str) -> None:
        """Write down that *chain* was signed, durably; blocks, and raises if it cannot be."""
        ...
