"""Our authority for others: an ACME server, and the tokens that open it."""

import hmac

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.chain import Chain
from hermetic.certificates.keys import encode
from hermetic.clock import Clock
from hermetic.config.home import Home, speaking_of, write_file
from hermetic.database.database import Database
from hermetic.gateway.certifying import Books, Certifying
from hermetic.gateway.joining import Joining
from hermetic.gateway.replacing import Replacing
from hermetic.gateway.trusted import Trusted
from hermetic.issuers.authority import Authority
from hermetic.registry.enrolments import Enrolments, SpentNonces
from hermetic.registry.orders import Orders
from hermetic.web.acme.api import Acme
from hermetic.web.acme.nonces import Nonces
from hermetic.wiring.own_lists import OwnLists


def certifier(
    home: Home, authority: Authority, database: Database, key: RSAPrivateKey, clock: Clock
) -> tuple[Acme, OwnLists]:
    """Return *authority* for others, and what keeps this node from believing what it took back.

    All web nodes that share *database* share the *key* of their tokens as well.
    """
    name = _named(home, authority)
    books = Books(Enrolments(database, name, clock), Orders(database, name, clock))
    secret = hmac.digest(encode(key), b"hermetic acme " + name.encode(), "sha256")
    certifying = Certifying(authority, books, secret, clock)
    trusted = Trusted(authority, books.orders, clock)
    acme = Acme(
        certifying,
        Nonces(secret, SpentNonces(database, clock), clock),
        trusted,
        Joining(certifying, books, trusted, clock),
        Replacing(authority, books.enrolments, clock),
    )
    return acme, OwnLists(home, trusted, books.orders, clock)


def _named(home: Home, authority: Authority) -> str:
    """Return the word for *authority* that stays when its root is replaced; blocks for the disk."""
    path = home.authority_name
    with speaking_of(path):
        if path.exists():
            return path.read_text("ascii").strip()
    name = Chain(authority.roots[:1]).sha256[:16]
    write_file(path, name.encode())
    return name
