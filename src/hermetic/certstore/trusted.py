"""Whom to believe out of the stores, for those who let others in because of it.

The stores leave out what is damaged.  To whoever cuts off those whose authority was removed, an
authority left out looks removed, and a revocation list left out revokes nobody: so here what is
damaged is refused, and the last that was read stays in force (`tls.trust`).
"""

from pathlib import Path

from cryptography import x509

from hermetic.certstore.stores import Stores
from hermetic.errors import CertificateRejected


class TrustedStores:
    """The roots, intermediates and revocation lists of *stores*: all of them, or a refusal.

    All methods block.  The first three raise `CertificateRejected` (`damaged`).
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    @property
    def folder(self) -> Path:
        """The folder in which something changes whenever one of them does."""
        return self._stores.folder()

    def roots(self) -> tuple[x509.Certificate, ...]:
        """Return whom to believe; none if none is kept."""
        self._check()
        return self._stores.roots()

    def intermediates(self) -> tuple[x509.Certificate, ...]:
        """Return the authorities that may help to reach a root."""
        self._check()
        return self._stores.intermediates()

    def revocation_lists(self) -> tuple[x509.CertificateRevocationList, ...]:
        """Return the lists of what authorities took back."""
        self._check()
        return self._stores.revocation_lists()

    def digest(self) -> str:
        """Return a word that changes whenever anything in the stores does; it never fails."""
        return self._stores.digest()

    def _check(self) -> None:
        lost = self._stores.lost()
        if lost:
            more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
            raise CertificateRejected(
                "damaged",
                f"What was kept in {lost[0]}{more} is damaged, with all its versions: bring it"
                f" again, or remove it with `hermetic certificate untrust {lost[0].name}`.",
            )
