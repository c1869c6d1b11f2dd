"""Whose word counts on where a request came from, and on who sent it.

A proxy tells the address of the client behind it in fields that anybody can send.  So they are
believed only on connections from a proxy that was named beforehand, and only as far as each hop
vouches for the next; then they are gone.  No handler may ever see one of them, nor any field by
which a proxy claims to have identified the client: nodes identify callers themselves.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from hermetic.fronts.fields import FAMILIES, IDENTITY, ORIGIN
from hermetic.fronts.proxies import Proxies

Address = IPv4Address | IPv6Address
Field = tuple[bytes, bytes]

# A chain of more proxies than this is somebody's attempt to keep us busy.
_MOST_HOPS = 16
_LONGEST = 4096
_NAMES = frozenset(one.encode() for one in (*ORIGIN, *IDENTITY))
_FAMILIES = tuple(one.encode() for one in FAMILIES)
_SCHEMES = {b"http": "http", b"https": "https"}
_WITH_PORT = re.compile(rb"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?\Z")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::[0-9]{1,5})?\Z")
# One parameter of RFC 7239, 4, and what follows it; an address with a port should be quoted, but
# not everybody does.
_PARAMETER = re.compile(
    rb"""[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)="""
    rb"""([!#$%&'*+.^_`|~0-9A-Za-z:\[\]-]+|"(?:[^"\\]|\\.)*")[ \t]*([;,]|\Z)""",
    re.DOTALL,
)


@dataclass(frozen=True)
class _Origin:
    """What a chain of proxies says of the client."""

    address: Address
    scheme: str | None = None
    host: bytes | None = None


def settle(scope: Scope, proxies: Proxies) -> None:
    """Put into *scope* who the client is, and take out every field that claims to know.

    From one of *proxies*, `client`, `scheme` and the field Host become those of the first
    address, from our side, that is not one of *proxies* itself.  Its port is not told, so it
    is 0.  Anything that cannot be read ends the chain there, with the last that vouched.
    """
    claims: list[Field] = []
    kept: list[Field] = []
    for field in scope["headers"]:
        (claims if _is_claim(field[0]) else kept).append(field)
    if not claims:
        return
    scope["headers"] = kept
    if not proxies:
        return
    peer = _peer(scope)
    if peer is None or peer not in proxies:
        return
    origin = _origin(claims, proxies)
    if origin is None:
        return
    scope["client"] = (str(origin.address), 0)
    if origin.scheme is not None:
        scope["scheme"] = origin.scheme
    if origin.host is not None:
        others = (field for field in kept if field[0] != b"host")
        scope["headers"] = [(b"host", origin.host), *others]


def _is_claim(name: bytes) -> bool:
    # To CGI and whoever learned from it, an underscore is the same as a hyphen.
    name = name.replace(b"_", b"-")
    return name in _NAMES or name.startswith(_FAMILIES)


def _peer(scope: Scope) -> Address | None:
    client = scope.get("client")
    return _plain(client[0].partition("%")[0]) if client else None


def _origin(claims: Iterable[Field], proxies: Proxies) -> _Origin | None:
    said: dict[bytes, bytes] = {}
    for name, value in claims:
        # Several fields are one list (RFC 9110, 5.3); to look at one of them only, whichever,
        # is how a client gets its own word in.
        said[name] = said[name] + b"," + value if name in said else value
    by_lists = _by_lists(said, proxies)
    by_elements = _by_elements(said.get(b"forwarded", b""), proxies)
    if by_lists is None or by_elements is None:
        return by_lists or by_elements
    # A proxy that writes one of them hands on the other as it came, and that is from the client.
    return by_lists if by_lists.address == by_elements.address else None


def _by_lists(said: dict[bytes, bytes], proxies: Proxies) -> _Origin | None:
    """Return what `X-Forwarded-For` and its like say."""
    hops = said.get(b"x-forwarded-for", b"").rsplit(b",", _MOST_HOPS)[-_MOST_HOPS:]
    found = _vouched((_address(hop) for hop in reversed(hops)), proxies)
    if found is None:
        return None
    scheme = said.get(b"x-forwarded-proto", b"").rpartition(b",")[2].strip().lower()
    host = said.get(b"x-forwarded-host", b"").rpartition(b",")[2].strip()
    return _Origin(found[1], _SCHEMES.get(scheme), host if _HOST.match(host) else None)


def _by_elements(value: bytes, proxies: Proxies) -> _Origin | None:
    """Return what `Forwarded` says; its elements keep together what one proxy saw."""
    elements = _elements(value)[-_MOST_HOPS:]
    elements.reverse()
    found = _vouched((_address(one.get(b"for", b"")) for one in elements), proxies)
    if found is None:
        return None
    element = elements[found[0]]
    host = element.get(b"host", b"")
    scheme = element.get(b"proto", b"").lower()
    return _Origin(found[1], _SCHEMES.get(scheme), host if _HOST.match(host) else None)


def _vouched(hops: Iterable[Address | None], proxies: Proxies) -> tuple[int, Address] | None:
    """Return the furthest of *hops*, the nearest first, that one of *proxies* vouches for."""
    found: tuple[int, Address] | None = None
    for index, address in enumerate(hops):
        if address is None:
            break
        found = index, address
        if address not in proxies:
            break
    return found


def _elements(value: bytes) -> list[dict[bytes, bytes]]:
    """Return the elements of a `Forwarded`, none at all if any of it cannot be read."""
    if not value or len(value) > _LONGEST:
        return []
    elements: list[dict[bytes, bytes]] = [{}]
    for name, content, end in _parameters(value):
        if not name or name in elements[-1]:
            return []
        elements[-1][name] = content
        if end == b",":
            elements.append({})
    return elements


def _parameters(value: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield name, content and what follows of each parameter; no name where it is none."""
    at = 0
    while at < len(value):
        found = _PARAMETER.match(value, at)
        if found is None:
            yield b"", b"", b""
            return
        name, content, end = found.groups()
        if content.startswith(b'"'):
            content = re.sub(rb"\\(.)", rb"\1", content[1:-1], flags=re.DOTALL)
        yield name.lower(), content, end
        at = found.end()


def _address(hop: bytes) -> Address | None:
    """Return the address a hop names, perhaps with a port; `None` for anything else."""
    text = hop.strip(b" \t")
    if len(text) > 60:
        return None
    found = _WITH_PORT.match(text)
    if found is not None:
        text = found[1] or found[2]
    return _plain(text.decode("latin-1"))


def _plain(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        # A socket for both families shows IPv4 this way.
        return address.ipv4_mapped or address
    return address
