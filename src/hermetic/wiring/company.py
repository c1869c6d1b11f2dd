"""How a web node is known to the others of its installation, and what it hears from them."""

import hashlib
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.certificates.keys import encode_public
from hermetic.clock import Clock
from hermetic.config.web import WebSettings
from hermetic.gateway.changes import ChangeFeed
from hermetic.node import host
from hermetic.registry.revisions import Kind, Revisions
from hermetic.registry.web_nodes import WebNode, WebNodes
from hermetic.wire import status
from hermetic.wire.messages import Status
from hermetic.wiring import life
from hermetic.wiring.keeping import Kept
from hermetic.wiring.life import EVERYWHERE
from hermetic.wiring.sealing import Sealing


@dataclass(frozen=True)
class Identity:
    """How a web node is known to others: its address, and the key that it signs tokens with."""

    url: str
    key: RSAPrivateKey = field(repr=False)

    def row(self, clock: Clock) -> WebNode:
        """Return what is written down of the node at its start."""
        now = clock()
        digest = hashlib.sha256(encode_public(self.key.public_key())).hexdigest()
        nothing = dict.fromkeys(Kind, 0)
        return WebNode(str(uuid.uuid4()), self.url, digest, version("hermetic"), now, now, nothing)


def identity_of(settings: WebSettings, sealing: Sealing, port: int, key: RSAPrivateKey) -> Identity:
    """Return who the node on *port* is to the others, which signs tokens with *key*."""
    kestrel = settings.kestrel
    name = next(
        (one for one in (*settings.certificates.names, kestrel.interface) if one not in EVERYWHERE),
        _presented_name(sealing) or socket.gethostname(),
    )
    return Identity(life.url_of(name, port, sealed=kestrel.https_enabled), key)


def feed_of(identity: Identity, kept: Kept, clock: Clock) -> ChangeFeed:
    """Return what hears of the changes that others make, and tells them of ours."""
    nodes = WebNodes(kept.database, clock)
    return ChangeFeed(Revisions(kept.database), nodes, identity.row(clock), clock)


def providers(feed: ChangeFeed) -> Mapping[str, Status]:
    """Return who vouches for users, for `/status`: nobody, where others sign with another key."""
    if not feed.differing:
        return {"local": status.leaf(status.PASS)}
    told = f"Tokens are signed with another key than at {', '.join(feed.differing)}."
    return {"local": status.leaf(status.FAIL, error=told)}


def _presented_name(sealing: Sealing) -> str | None:
    """Return the first name of the certificate by which others can reach this machine."""
    if sealing.context is None:
        return None
    names = sealing.context.credential.chain.names
    return next((one for one in names if one not in host.LOOPBACK and "*" not in one), None)
