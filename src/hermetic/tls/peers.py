"""Who is connected, by the certificate shown: let in, looked at again, cut off.

A handshake says who somebody was then.  When trust changes, or a certificate ends, connections
that are open are judged anew, and those that would not get in any more are closed.  What a
certificate says is asked of the socket alone.

A certificate costs 0.7 ms of CPU when it is shown for the first time (1.4 ms with revocation lists
and everything that can be asked for), and 10 µs on each further connection.
"""

import asyncio
import hashlib
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from cryptography import x509

from hermetic.certificates.authorisation import Trust, uris_of
from hermetic.certificates.chain import Chain
from hermetic.certificates.refusal import shown
from hermetic.clock import Clock
from hermetic.errors import CertificateRejected
from hermetic.log import logger
from hermetic.tls.shown import parsed, shown_on
from hermetic.tls.tally import Tally

# Identities that are remembered after their last connection has gone, so that one that comes
# back is not judged again; a few kB each.
_MOST_REMEMBERED = 256

log = logger(__name__)


@dataclass(frozen=True, eq=False)
class Peer:
    """Somebody who was let in, on one connection."""

    chain: Chain
    """The verified chain, leaf first and root last."""
    address: str
    """Where they came from; empty over a Unix socket."""

    @property
    def subject(self) -> str:
        """The distinguished name of the certificate shown, as RFC 4514 text; may be empty."""
        return self.chain.subject

    @property
    def names(self) -> tuple[str, ...]:
        """The DNS names, addresses and URIs of the certificate shown."""
        return (*self.chain.names, *uris_of(self.chain.leaf))


@dataclass(eq=False)
class _Identity:
    """What was shown, what it was judged to be, and the connections it was shown on."""

    certificates: tuple[x509.Certificate, ...]
    chain: Chain
    until: datetime
    peers: dict[asyncio.BaseTransport, Peer] = field(default_factory=dict)


class Peers:
    """The connections of one listener, or to one kind of node, by whose they are.

    To be used from one thread, the event loop's; what it counts may be read from any: `refused`
    and `cut_off`, connections by the code of their reason.
    """

    def __init__(self, trust: Trust, clock: Clock) -> None:
        """Let in whom *trust* lets in at the time that *clock* tells."""
        self._trust, self._clock = trust, clock
        self._tally = Tally(log)
        self._known: dict[tuple[bytes, ...], _Identity] = {}
        self._whose: dict[asyncio.BaseTransport, _Identity] = {}
        self.cut_off: Counter[str] = Counter()

    @property
    def refused(self) -> Counter[str]:
        """How many connections were not let in, by the code of the reason."""
        return self._tally.counts

    # Without a length: empty, it would be false, and `peers or everybody` would let everybody in.
    @property
    def connections(self) -> int:
        """How many connections are let in now."""
        return len(self._whose)

    def __iter__(self) -> Iterator[Peer]:
        """Yield those who are connected now."""
        for identity in self._known.values():
            yield from identity.peers.values()

    def admit(self, transport: asyncio.BaseTransport) -> Peer:
        """Return who is at the other side of *transport*; to be called once it is connected.

        What was shown before and still holds is not judged again.  Whoever calls this tells
        `left` when the connection has ended.

        Raises:
            CertificateRejected: They may not come in; it was counted and logged.  The caller
                says so to them, and closes.
        """
        address = _address(transport)
        end = transport.get_extra_info("ssl_object")
        presented = shown_on(end) if isinstance(end, ssl.SSLObject | ssl.SSLSocket) else ()
        try:
            identity = self._identified(presented)
        except CertificateRejected as error:
            # The digest is what an operator needs who wants to let them in after all.
            sha256 = hashlib.sha256(presented[0]).hexdigest() if presented else ""
            self._tally.note(
                "peer.refused", error.code, peer=address, sha256=sha256, text=error.text
            )
            raise
        peer = identity.peers[transport] = Peer(identity.chain, address)
        self._whose[transport] = identity
        return peer

    def left(self, transport: asyncio.BaseTransport) -> None:
        """Take note that the connection has ended; of one that was not let in, nothing."""
        identity = self._whose.pop(transport, None)
        if identity is not None:
            del identity.peers[transport]

    def review(self, trust: Trust) -> int:
        """Let in whom *trust* lets in from now on; cut off who is connected and is not let in.

        Each certificate is judged once, on however many connections it was shown.  Returns how
        many connections were cut off.
        """
        self._trust = trust
        self._known = {key: one for key, one in self._known.items() if one.peers}
        return self._judge_again(self._clock(), lambda identity: True)

    def sweep(self, now: datetime) -> int:
        """Cut off those whose certificate, or what vouches for it, has ended by *now*.

        To be called about once a second.  Returns how many connections were cut off.
        """
        return self._judge_again(now, lambda identity: identity.until < now)

    def _identified(self, presented: tuple[bytes, ...]) -> _Identity:
        now = self._clock()
        known = self._known.get(presented)
        if known is not None and now <= known.until:
            return known
        certificates = parsed(presented)
        chain = self._trust.judge(certificates, now)
        until = self._trust.holds_until(chain, now)
        if known is not None:
            known.chain, known.until = chain, until
            return known
        if len(self._known) >= _MOST_REMEMBERED:
            self._known = {key: one for key, one in self._known.items() if one.peers}
        identity = self._known[presented] = _Identity(certificates, chain, until)
        return identity

    def _judge_again(self, now: datetime, is_due: Callable[[_Identity], bool]) -> int:
        cut = 0
        for key, identity in list(self._known.items()):
            if not is_due(identity):
                continue
            try:
                identity.chain = self._trust.judge(identity.certificates, now)
                identity.until = self._trust.holds_until(identity.chain, now)
            except CertificateRejected as error:
                del self._known[key]
                cut += self._cut_off(identity, error)
        return cut

    def _cut_off(self, identity: _Identity, error: CertificateRejected) -> int:
        transports = list(identity.peers)
        if transports:
            self.cut_off[error.code] += len(transports)
            log.warning(
                "peer.cut_off",
                reason=error.code,
                subject=shown(identity.certificates[0].subject),
                sha256=identity.chain.sha256,
                connections=len(transports),
                text=error.text,
            )
        for transport in transports:
            self.left(transport)
            # uvloop's transports can do all that asyncio's can, and are none of them.
            cast(asyncio.WriteTransport, transport).abort()
        return len(transports)


def _address(transport: asyncio.BaseTransport) -> str:
    name = transport.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) else ""
