"""When what lies in the certificate stores of a home ends, for the metrics."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from hermetic.certificates.chain import Chain
from hermetic.certstore.stores import PLACES, Stores
from hermetic.clock import Clock
from hermetic.errors import HermeticError
from hermetic.log import logger

log = logger(__name__)


class Expiries:
    """What was imported or is trusted below *root*, and the revocation lists; nothing is changed."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root, self._clock = root, clock
        self._stores: Stores | None = None

    def seconds_left(self) -> dict[str, float]:
        """Return the seconds to each end, or to the next list; by kind, name and digest."""
        if self._stores is None and self._root.is_dir():
            self._stores = Stores(self._root, mending=False)
        now = self._clock()
        try:
            return {name: (ends - now).total_seconds() for name, ends in self._ends()}
        except HermeticError as error:
            # What is damaged is told where it is used; the other figures must not go with it.
            log.warning("metrics.stores_unreadable", text=error.text)
            return {}

    def _ends(self) -> Iterator[tuple[str, datetime]]:
        stores = self._stores
        if stores is None:
            return
        for place in PLACES:
            for one in stores.credentials(*place):
                yield _called("imported", one.chain), one.chain.not_after
            for certificate in stores.certificates(*place):
                chain = Chain((certificate,))
                yield _called("trusted", chain), chain.not_after
        for found in stores.revocation_lists():
            if found.next_update_utc is not None:
                yield f"revocation-list {_common_name(found.issuer)}", found.next_update_utc


def _called(kind: str, chain: Chain) -> str:
    return f"{kind} {_common_name(chain.leaf.subject)} {chain.sha256[:8]}"


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()
