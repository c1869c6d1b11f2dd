"""A reverse proxy in front of nodes: what it is to do, whichever product then does it.

Pure: nothing is looked up, and no file opened.  What these values hold goes into files that
another program obeys.  So names and addresses are parsed before they get here, and a `Front` looks
once more: none of them may hold a character that could end a word.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from hermetic.certificates.names import ServerName
from hermetic.errors import BadInput
from hermetic.fronts.proxies import Proxies
from hermetic.serving.uris import NodeAddress, expand

Address = IPv4Address | IPv6Address

HSTS = "max-age=63072000"
"""Two years, as Mozilla's profiles have it, and as nodes say themselves."""

EVERYWHERE: tuple[Address, ...] = (IPv4Address("0.0.0.0"), IPv6Address("::"))  # noqa: S104
"""The addresses to listen on that mean all."""

_HARMLESS = re.compile(r"[a-z0-9.:-]+\Z")


class Role(StrEnum):
    """Which nodes are behind a front."""

    WEB = "web"
    """Web nodes, which clients call."""
    COMPUTE = "compute"
    """Compute nodes, which web nodes call."""

    @property
    def port(self) -> int:
        """The port on which nodes of this role listen unless told otherwise."""
        return 12800 if self is Role.WEB else 12805


class Profile(StrEnum):
    """Mozilla's server-side profiles, as nodes have them."""

    INTERMEDIATE = "intermediate"
    """TLS 1.3, and 1.2 for clients that have nothing better."""
    MODERN = "modern"
    """TLS 1.3 only."""


@dataclass(frozen=True)
class Upstream:
    """The nodes behind a front, and the name their certificates are to carry.

    Without a name the way to them is plain HTTP, which may not leave the machine.
    """

    addresses: tuple[NodeAddress, ...]
    name: ServerName | None

    @classmethod
    def parse(cls, entries: Iterable[str], name: str | None, role: Role) -> "Upstream":
        """Return the nodes that *entries* mean, as `serving.uris` reads them.

        Args:
            entries: URIs and ranges; none means a node on this machine.
            name: The name all their certificates carry; `None` takes it from the address.
            role: Says which port a node on this machine has.

        Raises:
            BadInput: They cannot be reached in one way, or their certificates not be checked.
        """
        addresses = expand(entries) or expand([f"https://127.0.0.1:{role.port}"])
        if len({address.scheme for address in addresses}) > 1:
            raise BadInput(
                "Some of the nodes behind the front are https:// and others http://: make it https://"
                " for all."
            )
        if addresses[0].scheme == "http":
            _check_plain(addresses, name)
            return cls(addresses, None)
        found = ServerName.parse(name) if name is not None else _name(addresses)
        if found.address is not None:
            # nginx compares DNS names only, so to it such a certificate would be somebody else's.
            raise BadInput(
                f"A reverse proxy checks a node's certificate by DNS name, not by {found}: give one"
                " that the certificate carries with --upstream-name, such as localhost."
            )
        return cls(addresses, found)

    @property
    def is_sealed(self) -> bool:
        """Whether the way to the nodes is TLS."""
        return self.name is not None


@dataclass(frozen=True)
class Front:
    """What a reverse proxy in front of nodes of one role is to do.

    `redirect_from` is the port whose plain HTTP is answered by a redirect, `None` for no plain
    HTTP at all.  `proxies` are further proxies before this one that are believed about clients.
    """

    role: Role
    names: tuple[ServerName, ...]
    upstream: Upstream
    profile: Profile = Profile.INTERMEDIATE
    addresses: tuple[Address, ...] = EVERYWHERE
    port: int = 443
    redirect_from: int | None = None
    proxies: Proxies = field(default_factory=Proxies)
    body_bytes: int = 4 * 1024**3

    def __post_init__(self) -> None:
        if not self.names:
            raise BadInput("A front needs a name: the host that clients will call.")
        if not self.addresses:
            raise BadInput("A front needs an address to listen on.")
        for port in (self.port, self.redirect_from):
            if port is not None and not 1 <= port <= 65535:
                raise BadInput(f"A port is a number from 1 to 65535, not {port}.")
        if self.port == self.redirect_from:
            raise BadInput(f"TLS and plain HTTP cannot share the port {self.port}: name another.")
        for text in self._words():
            if not _HARMLESS.match(text):
                raise BadInput(f"{text[:100]!r} cannot stand in a configuration: it is no host.")

    def _words(self) -> Iterator[str]:
        yield from (name.text for name in self.names)
        yield from (address.host for address in self.upstream.addresses)
        if self.upstream.name is not None:
            yield self.upstream.name.text


def _check_plain(addresses: tuple[NodeAddress, ...], name: str | None) -> None:
    """Raise `BadInput` unless plain HTTP to *addresses* stays on the machine."""
    if name is not None:
        raise BadInput(
            f"{addresses[0]} is plain HTTP, where no certificate shows the name {name[:100]!r}:"
            " write https://, or leave the name out."
        )
    for address in addresses:
        if not _is_this_machine(address.host):
            raise BadInput(
                f"Plain HTTP to {address} would send passwords and data readable through the"
                " network: write https://, or put the front on the node's own machine."
            )


def _name(addresses: tuple[NodeAddress, ...]) -> ServerName:
    if all(_is_this_machine(address.host) for address in addresses):
        return ServerName.parse("localhost")
    hosts = {address.host for address in addresses}
    if len(hosts) > 1:
        raise BadInput(
            f"The nodes behind the front have {len(hosts)} names: give one that all their"
            " certificates carry with --upstream-name."
        )
    return ServerName.parse(addresses[0].host)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
