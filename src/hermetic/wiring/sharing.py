"""What web nodes of one installation have together, so that one of them renews for all."""

import hmac
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.keys import encode
from hermetic.clock import Clock
from hermetic.database.database import Database
from hermetic.node.sharing import Shared
from hermetic.registry.leases import Leases
from hermetic.registry.sealed import SealedDocuments


@dataclass(frozen=True)
class Sharing:
    """The database of several web nodes, and the key that all of them have.

    What they share is sealed with a key of its own, made from that of their tokens.
    """

    database: Database
    key: RSAPrivateKey = field(repr=False)

    def about(self, entry: str, clock: Clock) -> Shared:
        """Return what is shared about one entry of the certificate store."""
        sealing = hmac.digest(encode(self.key), b"hermetic sealed documents", "sha256")
        return Shared(entry, SealedDocuments(self.database, sealing), Leases(self.database, clock))
