"""What the DNS says of a name: its addresses, by which aliases, and for how long it says so.

Nothing is kept: who asks wants to know what holds now.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from hermetic.errors import BadInput, NotFound, Unavailable

WITHIN_S = 4.0
"""How long all questions about a name may take together."""


@dataclass(frozen=True)
class Resolution:
    """What a name leads to."""

    addresses: tuple[str, ...]
    """IPv4 and IPv6 addresses, sorted."""
    ttl_s: int
    """For how many seconds resolvers may go on saying so: the shortest on the way."""
    aliases: tuple[str, ...] = ()
    """The names that it is an alias of, in their order."""


def resolve(
    name: str, *, servers: Sequence[str] = (), port: int = 53, within_s: float = WITHIN_S
) -> Resolution:
    """Return what *name* leads to, as the system's resolvers say, or *servers*, by address.

    Raises:
        BadInput: It is no host name.
        NotFound: It does not exist, or has no address.
        Unavailable: No server answered in time, or none could.
    """
    try:
        wanted = dns.name.from_text(name, idna_codec=dns.name.IDNA_2008_Practical)
    except (dns.exception.DNSException, ValueError) as error:
        raise BadInput(f"{name[:100]!r} is no host name: {error}.") from error
    resolver = _resolver(servers, port, within_s)
    found: set[str] = set()
    aliases: list[str] = []
    ttls: list[int] = []
    missing: Exception | None = None
    for kind in ("A", "AAAA"):
        try:
            answer = resolver.resolve(wanted, kind)
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN) as error:
            missing = error
            continue
        except dns.exception.DNSException as error:
            raise Unavailable(f"No server can say where {name} leads: {error}.") from error
        found |= {record.address for record in answer}
        aliases = aliases or _aliases(answer)
        ttls += [one.ttl for one in answer.response.answer]
    if not found:
        how = "does not exist" if isinstance(missing, dns.resolver.NXDOMAIN) else "has no address"
        raise NotFound(f"{name} {how} in the DNS.")
    return Resolution(tuple(sorted(found, key=_order)), min(ttls), tuple(aliases))


def _resolver(servers: Sequence[str], port: int, within_s: float) -> dns.resolver.Resolver:
    try:
        resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            resolver.nameservers = list(servers)
            resolver.port = port
    except (dns.exception.DNSException, ValueError) as error:
        raise BadInput(f"There is no DNS server to ask: {error}.") from error
    resolver.lifetime = within_s
    return resolver


def _aliases(answer: dns.resolver.Answer) -> list[str]:
    return [
        record.target.to_text(omit_final_dot=True)
        for one in answer.response.answer
        if one.rdtype == dns.rdatatype.CNAME
        for record in one
    ]


def _order(address: str) -> tuple[int, int]:
    parsed = ipaddress.ip_address(address)
    return parsed.version, int(parsed)
