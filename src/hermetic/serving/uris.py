"""Where compute nodes are, as settings and administrators write it: URIs and ranges of URIs.

Pure: nothing is resolved or asked.  One entry may stand for many nodes, since an octet of an
IPv4 address and the port may be a range: `http://1.0.1-3.1-2:12805` are six nodes.  What is
refused is refused whole, with the entry, the part of it, and what to write instead.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from itertools import product

from hermetic.errors import BadInput

MOST = 4096
"""Addresses that may come of one list; four ranges of octets could stand for 4 thousand million."""

_PORTS = {"http": 80, "https": 443}
_NUMBERS = re.compile(r"(0|[1-9][0-9]{0,4})(?:-(0|[1-9][0-9]{0,4}))?\Z")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_NUMERIC = re.compile(r"[0-9.-]+\Z")
# getaddrinfo takes such a last label for an address written in another way (127.1, 0x7f.1)
_NUMBER = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)\Z")
_LONGEST_NAME = 253  # octets as text, RFC 1035, 2.3.4
_FOREIGN = {
    "?": "a query: end after the port",
    "#": "a fragment: end after the port",
    "/": "a path: end after the port",
    "\\": "a backslash: end after the port",
}


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where one node answers; the host is a name in lower case, or an address without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as a socket or a proxy wants them, an IPv6 address in brackets."""
        return f"{self._bracketed}:{self.port}"

    @property
    def url(self) -> str:
        """The URI without a slash at its end, and without the port that its scheme means anyway."""
        if self.port == _PORTS[self.scheme]:
            return f"{self.scheme}://{self._bracketed}"
        return f"{self.scheme}://{self.authority}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    def __str__(self) -> str:
        """Return the URI as `/status` shows it, with a slash at its end."""
        return f"{self.url}/"


def expand(entries: Iterable[str]) -> tuple[NodeAddress, ...]:
    """Return every address that *entries* mean, in their order, each once.

    An entry is a URI, a range, or several of both with commas between them.

    Raises:
        BadInput: An entry is not of the grammar, or all together mean more than `MOST` addresses.
    """
    patterns = [_pattern(one) for entry in entries for one in _listed(entry)]
    size = 0
    for pattern in patterns:
        size += pattern.size
        if size > MOST:
            raise BadInput(
                f"With {_shown(pattern.entry)} there are {size} addresses, more than the {MOST} a"
                " list may mean: make its ranges smaller."
            )
    return tuple(dict.fromkeys(address for pattern in patterns for address in pattern.addresses()))


@dataclass(frozen=True)
class _Pattern:
    """One entry, taken apart; octets is empty where the host is none in numbers."""

    entry: str
    scheme: str
    host: str
    octets: tuple[range, ...]
    ports: range

    @property
    def size(self) -> int:
        size = len(self.ports)
        for octet in self.octets:
            size *= len(octet)
        return size

    def addresses(self) -> Iterator[NodeAddress]:
        hosts = (".".join(map(str, octets)) for octets in product(*self.octets))
        for host in hosts if self.octets else (self.host,):
            for port in self.ports:
                yield NodeAddress(self.scheme, host, port)


def _listed(entry: str) -> Iterator[str]:
    if "@" in entry:
        # What stands before it may be a password, so it is not repeated.
        raise BadInput(
            f"There is a user before {_shown(entry[entry.rindex('@') :])}: leave it out, nodes"
            " know each other by certificate."
        )
    for one in entry.split(","):
        if not one.strip(" "):
            raise BadInput(
                f"The list {_shown(entry)} has an empty entry: write a URI such as"
                " 'https://node.example.com:12805', or leave the comma out."
            )
        yield one.strip(" ")


def _pattern(entry: str) -> _Pattern:
    scheme, found, rest = entry.partition("://")
    scheme = scheme.lower()
    if not found or scheme not in _PORTS:
        raise _refused(entry, "scheme", scheme if found else "", "begin with https:// or http://")
    rest = rest.removesuffix("/")
    for mark, reason in _FOREIGN.items():
        if mark in rest:
            raise BadInput(f"The node {_shown(entry)} has {reason}.")
    host, port = _parted(entry, rest)
    ports = range(_PORTS[scheme], _PORTS[scheme] + 1)
    if port is not None:
        ports = _range(entry, "port", port, least=1, most=65535)
    if host.startswith("["):
        return _Pattern(entry, scheme, _ipv6(entry, host), (), ports)
    if _NUMERIC.match(host):
        return _Pattern(entry, scheme, "", _octets(entry, host), ports)
    return _Pattern(entry, scheme, _name(entry, host), (), ports)


def _parted(entry: str, rest: str) -> tuple[str, str | None]:
    """Return the host and the port of an authority, `None` where no port is named."""
    if rest.startswith("["):
        host, closed, after = rest.partition("]")
        if not closed or (after and not after.startswith(":")):
            raise _refused(entry, "host", rest, "write an IPv6 address as [2001:db8::1]")
        return f"{host}]", after[1:] if after else None
    host, colon, port = rest.partition(":")
    if ":" in port:
        raise _refused(entry, "host", rest, "put an IPv6 address in brackets, as [2001:db8::1]")
    return host, port if colon else None


def _range(entry: str, part: str, text: str, *, least: int, most: int) -> range:
    found = _NUMBERS.match(text)
    first = int(found[1]) if found else -1
    last = int(found[2] or first) if found else -1
    if not least <= first <= most or not least <= last <= most:
        remedy = f"write a number from {least} to {most}, or two such as {most - 9}-{most}"
        raise _refused(entry, part, text, remedy)
    if last < first:
        raise _refused(entry, part, text, f"write the smaller number first, {last}-{first}")
    return range(first, last + 1)


def _octets(entry: str, host: str) -> tuple[range, ...]:
    parts = host.split(".")
    if len(parts) != 4:
        remedy = "an IPv4 address has four numbers, as 10.0.1.0-255"
        raise _refused(entry, "host", host, remedy)
    return tuple(_range(entry, "octet", part, least=0, most=255) for part in parts)


def _ipv6(entry: str, host: str) -> str:
    remedy = "write one IPv6 address without a range or a zone, as [2001:db8::1]"
    try:
        address = IPv6Address(host[1:-1])
    except ValueError:
        raise _refused(entry, "host", host, remedy) from None
    if address.scope_id is not None:
        raise _refused(entry, "host", host, remedy)
    return str(address)


def _name(entry: str, host: str) -> str:
    name = host.lower().removesuffix(".")
    labels = name.split(".")
    if (
        len(name) > _LONGEST_NAME
        or not all(_LABEL.match(label) for label in labels)
        or _NUMBER.match(labels[-1])
    ):
        remedy = (
            "write a DNS name of letters, digits and hyphens (others as xn--…), or an IP address"
        )
        raise _refused(entry, "host", host, remedy)
    return name


def _refused(entry: str, part: str, text: str, remedy: str) -> BadInput:
    said = f"the {part} {_shown(text)}" if text else f"no {part}"
    return BadInput(f"The node {_shown(entry)} has {said}: {remedy}.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}…")
