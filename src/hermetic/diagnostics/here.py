"""A node of this machine looked at from outside: its home, its certificates, its port, its names.

Nothing is changed, and no node needs to run: that none does is a finding.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509

from hermetic.certificates.chain import Chain
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.database.database import Database
from hermetic.diagnostics import database, home, hop, trust
from hermetic.diagnostics.check import Finding
from hermetic.diagnostics.resolving import addresses
from hermetic.errors import HermeticError, Unreachable
from hermetic.node import host
from hermetic.node.presented import shown_at

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Port:
    """The port of a node, how it is reached from its machine, and what it should speak."""

    host: str
    number: int
    sealed: bool
    name: str = "localhost"


@dataclass(frozen=True)
class Here:
    """What there is to look at on this machine.

    Args:
        root: The home.
        stores: The certificate stores in it.
        certificates: The folder of what our own authority issued.
        authority: The folder of that authority; it may be missing.
        named: The certificates that the settings name.
        own: The role for which our own authority certifies, where none is named.
        names: The host names that the settings say.
        database: Made anew, with its name; `None` for a compute node.
        believes: Whether it has to believe anybody.
    """

    root: Path
    stores: Path
    certificates: Path
    authority: Path
    port: Port
    me: int
    named: Sequence[trust.Named] = ()
    own: Role | None = None
    names: Sequence[str] = ()
    database: tuple[Callable[[], Database], str] | None = field(default=None, repr=False)
    believes: bool = False


async def look(here: Here, now: datetime) -> list[Finding]:
    """Return what is found."""
    keys = [here.stores, here.certificates, here.authority]
    of_home = await asyncio.to_thread(home.look, here.root, keys, here.me)
    if any(one.code in {"home.missing", "home.foreign"} for one in of_home):
        return of_home
    of_trust, chain = await asyncio.to_thread(_certificates, here, now)
    rest = await asyncio.gather(_database(here), _port(here, chain), _names(here))
    return [*of_home, *of_trust, *(one for some in rest for one in some)]


def _certificates(here: Here, now: datetime) -> tuple[list[Finding], Chain | None]:
    """Return what is found of certificates, and the chain that the port should present."""
    findings: list[Finding] = []
    served: Chain | None = None
    stores = Stores(here.stores, mending=False)
    for named in here.named:
        found, chain = trust.chosen(stores, named, now)
        findings += found
        if named.role is not Role.AUTHENTICATION:
            served = chain
    if here.own is not None and here.certificates.is_dir():
        found, served = trust.own(FileStore(here.certificates, mending=False), here.own, now)
        findings += found
    if here.believes:
        findings += trust.believed(stores, _own_root(here.authority), now)
    return findings, served


def _own_root(authority: Path) -> x509.Certificate | None:
    if not authority.is_dir():
        return None
    store = FileStore(authority, mending=False)
    try:
        return store.read("root").chain.leaf
    except HermeticError:
        with suppress(HermeticError):  # its key may be kept elsewhere
            return store.read_certificate("root")
    return None


async def _database(here: Here) -> list[Finding]:
    if here.database is None:
        return []
    make, name = here.database
    try:
        kept = make()
    except HermeticError as error:
        return [Finding("database.refused", f"database {name}", error.text, "mend the settings")]
    try:
        return [await database.look(kept, name)]
    finally:
        await kept.close()


async def _port(here: Here, chain: Chain | None) -> list[Finding]:
    port = here.port
    where = f"port {port.number} of this node"
    closed = await hop.opened(where, port.host, port.number)
    if closed is not None:
        return [closed]
    if not port.sealed:
        return [Finding("port.fine", where, "It is open, for plain HTTP.")]
    names = () if chain is None else chain.names
    # A public certificate is not for the names of this machine, which get another one.
    name = port.name if not names or port.name in names else names[0]
    try:
        async with asyncio.timeout(hop.WITHIN_S):
            presented = await shown_at(port.host, port.number, name)
    except TimeoutError:
        return [hop.silent(where)]
    except Unreachable as error:
        plain = "WRONG_VERSION" in error.text or "RECORD_LAYER" in error.text
        code = "port.plain-http" if plain else "port.no-handshake"
        return [Finding(code, where, error.text, "restart the node")]
    if chain is None:
        return [Finding("port.fine", where, "It presents a certificate.")]
    if presented != chain.sha256:
        text = f"It presents {presented[:16]}…, and {chain.sha256[:16]}… is kept."
        return [Finding("port.not-the-store", where, text, "restart the node")]
    return [Finding("port.fine", where, "It presents the certificate that is kept.")]


async def _names(here: Here) -> list[Finding]:
    found = await asyncio.gather(*(_name(one) for one in here.names if _is_name(one)))
    return [one for some in found for one in some]


async def _name(name: str) -> list[Finding]:
    where = f"name {name}"
    try:
        async with asyncio.timeout(hop.WITHIN_S):
            known = await addresses(name)
    except (OSError, TimeoutError, UnicodeError):
        text = "It has no address, so nobody finds this node by it."
        return [Finding("dns.unknown", where, text, f"add an A or AAAA record for {name}")]
    if not any(host.is_here(one) for one in known):
        text = f"It leads to {', '.join(known)}, which is not this machine."
        return [Finding("dns.elsewhere", where, text)]
    return []


def _is_name(name: str) -> bool:
    if name in _LOOPBACK or "*" in name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return True
    return False
