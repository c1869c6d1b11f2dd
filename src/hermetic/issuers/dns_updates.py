"""Changes of DNS records at the primary server of a zone (RFC 2136), signed with a key (RFC 8945)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.tsig
import dns.tsigkeyring
import dns.update

from hermetic.errors import BadConfiguration, BadInput, Unavailable

_TTL_S = 60
_ANSWERS_WITHIN_S = 10.0
_ALGORITHMS = {
    str(one).strip(".").lower(): one
    for one in (dns.tsig.HMAC_SHA256, dns.tsig.HMAC_SHA384, dns.tsig.HMAC_SHA512)
}


@dataclass(frozen=True)
class UpdateServer:
    """A DNS server that takes updates, and the key that they are signed with (TSIG, RFC 8945).

    Args:
        address: Its IP address.
        secret: The key, in base64.
    """

    address: str
    port: int = 53
    key_name: str = ""
    secret: str = field(default="", repr=False)
    algorithm: str = "hmac-sha256"

    def __post_init__(self) -> None:
        if self.algorithm not in _ALGORITHMS:
            raise BadInput(
                f"{self.algorithm!r} is no algorithm for TSIG: {', '.join(_ALGORITHMS)} are."
            )

    def keyring(self) -> dict[dns.name.Name, dns.tsig.Key]:
        """Return the key as the library wants it; raises `BadInput` if it is none."""
        try:
            name = dns.name.from_text(self.key_name)
            return {name: dns.tsig.Key(name, self.secret, _ALGORITHMS[self.algorithm])}
        except (dns.exception.DNSException, ValueError) as error:
            raise BadInput(
                "The key for DNS updates is none: write its name, and its secret in base64 as"
                " tsig-keygen shows it."
            ) from error


class DnsUpdates:
    """Changes records at *server*, and asks it."""

    def __init__(self, server: UpdateServer) -> None:
        """Prepare; raises `BadInput` if the key is none."""
        self._server = server
        self._keyring = server.keyring() if server.key_name else {}

    async def lead(self, host: str, address: str) -> None:
        """Let *host* lead to *address*, and nowhere else.

        Raises:
            BadConfiguration: The server refuses the key, or the zone is not its.
            Unavailable: The server does not answer.
        """
        name = dns.name.from_text(host)
        kind = "A" if ip_address(address).version == 4 else "AAAA"

        def replace(update: dns.update.UpdateMessage) -> None:
            update.delete(name)
            update.add(name, _TTL_S, kind, address)

        await self.change(await self.zone(name), replace, kind)

    async def forget(self, host: str) -> None:
        """Let *host* lead nowhere; raises as `lead`."""
        name = dns.name.from_text(host)
        await self.change(await self.zone(name), lambda update: update.delete(name), "A")

    async def zone(self, name: dns.name.Name) -> dns.name.Name:
        """Return the zone of *name* that the server has."""
        answer = await self.ask(name, dns.rdatatype.SOA)
        for one in (*answer.answer, *answer.authority):
            if one.rdtype == dns.rdatatype.SOA and name.is_subdomain(one.name):
                return one.name
        raise BadConfiguration(
            f"The DNS server {self._server.address} has no zone for {name}: name the primary"
            " server of that zone."
        )

    async def servers(self, zone: dns.name.Name) -> list[tuple[str, int]]:
        """Return the addresses of the servers that the zone names."""
        answer = await self.ask(zone, dns.rdatatype.NS)
        names = [one.target for found in answer.answer for one in found]
        servers: list[tuple[str, int]] = []
        resolver = dns.asyncresolver.Resolver()
        for name in names:
            with suppress(dns.exception.DNSException):
                found = await resolver.resolve(name, "A", lifetime=_ANSWERS_WITHIN_S)
                servers += [(one.address, 53) for one in found]
        # A zone that is served inside only names servers that nobody else can find.
        return servers or [(self._server.address, self._server.port)]

    async def change(
        self,
        zone: dns.name.Name,
        changing: Callable[[dns.update.UpdateMessage], None],
        kind: str,
    ) -> None:
        """Change records of *kind* in *zone* as *changing* says; raises as `lead`."""
        update = dns.update.UpdateMessage(zone)
        changing(update)
        if self._server.key_name:
            update.use_tsig(self._keyring)
        try:
            answer = await self._sent(update, (self._server.address, self._server.port))
        except (dns.tsig.PeerError, dns.tsig.BadSignature) as error:
            raise BadConfiguration(
                f"The DNS server {self._server.address} does not accept the key"
                f" {self._server.key_name!r} ({type(error).__name__}): compare its secret, its"
                " algorithm and the clocks."
            ) from error
        if answer.rcode() != dns.rcode.NOERROR:
            raise BadConfiguration(
                f"The DNS server {self._server.address} refuses to change {zone}"
                f" ({dns.rcode.to_text(answer.rcode())}): let the key"
                f" {self._server.key_name!r} change {kind} records there (update-policy)."
            )

    async def ask(
        self,
        name: dns.name.Name,
        kind: dns.rdatatype.RdataType,
        server: tuple[str, int] | None = None,
    ) -> dns.message.Message:
        """Return what *server*, else the primary one, says of *name*; raises `Unavailable`."""
        place = server or (self._server.address, self._server.port)
        return await self._sent(dns.message.make_query(name, kind), place)

    async def _sent(
        self, message: dns.message.Message, place: tuple[str, int]
    ) -> dns.message.Message:
        address, port = place
        try:
            return await dns.asyncquery.tcp(message, address, timeout=_ANSWERS_WITHIN_S, port=port)
        except (dns.tsig.PeerError, dns.tsig.BadSignature):
            raise
        except (OSError, EOFError, dns.exception.DNSException) as error:
            raise Unavailable(
                f"The DNS server {address} port {port} does not answer:"
                f" {error or type(error).__name__}."
            ) from error
