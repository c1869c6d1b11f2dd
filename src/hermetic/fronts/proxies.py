"""Reverse proxies by address, and whether one is among them.

Pure.  What such a proxy says of its clients is believed, so nobody gets in by a name that a name
server could change, and not everybody at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from hermetic.errors import BadConfiguration

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Proxies:
    """The proxies whose word on the client is believed; none by default."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "Proxies":
        """Return those whose addresses or networks are listed.

        Raises:
            BadConfiguration: An entry is neither, or would believe everybody.
        """
        return cls(tuple(_network(entry) for entry in entries))

    def __bool__(self) -> bool:
        return bool(self.networks)

    def __contains__(self, address: object) -> bool:
        return any(address in network for network in self.networks)


def _network(entry: str) -> Network:
    try:
        network = ip_network(entry.strip())
    except ValueError as error:
        raise BadConfiguration(
            f"{entry[:100]!r} is no proxy's address: write one such as '10.0.0.7', or a network"
            f" such as '10.0.0.0/24' ({error})."
        ) from None
    if network.prefixlen == 0:
        raise BadConfiguration(
            f"{entry!r} would believe everybody: write the addresses of your proxies."
        )
    return network
