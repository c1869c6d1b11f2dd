"""Which authority a node has joined, as what, and whom to trust because of it.

What `hermetic node join` wrote down, and what is heard from the authority since: each minute the
node says which roots it trusts, and is told which it should, and what was revoked.  An authority
replaces its root once every node has said that it trusts the next.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Never, Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.chain import Chain
from hermetic.certificates.selection import StoreLocation, StoreName
from hermetic.certstore.stores import Stores
from hermetic.config.home import Home, speaking_of, write_file
from hermetic.errors import BadConfiguration, HermeticError, NotFound, Unreachable
from hermetic.issuers.acme.messages import TrustInfo
from hermetic.log import logger

PERIOD_S = 60.0
_IN_FORCE_S = 5.0
"""After so long at the latest the door and every context know other roots, and it may be said."""
_MACHINE = StoreLocation.LOCAL_MACHINE

log = logger(__name__)


@dataclass(frozen=True)
class Joined:
    """An authority that this node has joined.

    Args:
        directory: That of its ACME server.
        roles: What the node may have certificates for.
        names: For which names.
        roots: The SHA-256 of its roots, in lower case.
        pinned: Whether its server is believed by those roots, and not by the system's.
    """

    directory: str
    roles: tuple[str, ...]
    names: tuple[str, ...]
    roots: tuple[str, ...]
    pinned: bool = True


class Asking(Protocol):
    """Whoever asks the authority (`issuers.acme.client`)."""

    async def trusted(self, holds: Sequence[str]) -> TrustInfo:
        """Say which roots are trusted here, and return which should be."""

    def believe(self, roots: str) -> None:
        """Believe the server by these roots in PEM, too."""


def joined_to(home: Home) -> Joined:
    """Return which authority *home* has joined; blocks for the disk.

    Raises:
        BadConfiguration: None, or the file that says so is damaged.
    """
    found = joined_if(home)
    if found is None:
        raise BadConfiguration(
            "This node has joined no authority: run `hermetic node join URL --token …` first, with"
            " a token that `hermetic node token` gives on the web node."
        )
    return found


def joined_if(home: Home) -> Joined | None:
    """Return which authority *home* has joined, if any; raises as `joined_to`."""
    with speaking_of(home.joined):
        if not home.joined.exists():
            return None
        raw = home.joined.read_bytes()
    try:
        told: Mapping[str, object] = json.loads(raw)
        lists = {name: tuple(map(str, told[name])) for name in ("roles", "names", "roots")}  # type: ignore[call-overload]
        return Joined(str(told["directory"]), **lists, pinned=bool(told["pinned"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadConfiguration(
            f"{home.joined} is damaged: join again, with another token."
        ) from error


def keep(home: Home, joined: Joined, info: TrustInfo) -> Joined:
    """Trust what the authority says of itself, and write down what that is; blocks for the disk.

    What it says no more is trusted no more, if it came from there.
    """
    stores = Stores(home.stores)
    roots = told_roots(info)
    told = tuple(Chain((one,)).sha256 for one in roots)
    stores.add_certificates(_MACHINE, StoreName.ROOT, roots)
    for one in info.revocation_lists:
        stores.add_revocation_list(_MACHINE, x509.load_der_x509_crl(base64.b64decode(one)))
    now = Joined(joined.directory, joined.roles, joined.names, told, joined.pinned)
    pem = b"".join(one.public_bytes(Encoding.PEM) for one in roots)
    with speaking_of(home.joined_roots):
        known = home.joined_roots.read_bytes() if home.joined_roots.exists() else b""
    if known != pem or now != joined_if(home):
        write_file(home.joined_roots, pem)
        write_file(home.joined, json.dumps(asdict(now), indent=2).encode())
    for gone in set(joined.roots) - set(told):
        try:
            stores.remove(_MACHINE, StoreName.ROOT, gone)
        except NotFound:
            continue
    return now


def told_roots(info: TrustInfo) -> list[x509.Certificate]:
    """Return the roots that an authority told; raises `Unreachable` if one is none."""
    try:
        return [x509.load_pem_x509_certificate(one.encode()) for one in info.roots]
    except ValueError as error:
        raise Unreachable("The authority told a root that is none.") from error


class Following:
    """Keeps up with the authority that *home* has joined."""

    def __init__(self, home: Home, asking: Asking, *, period_s: float = PERIOD_S) -> None:
        self._home, self._asking, self._period_s = home, asking, period_s

    async def run(self) -> Never:
        """Do so until cancelled."""
        while True:
            wait_s = self._period_s
            try:
                if await self.once():
                    wait_s = min(_IN_FORCE_S, wait_s)
            except HermeticError as error:
                log.warning("joined.not_heard_from", text=error.text)
            await asyncio.sleep(wait_s)

    async def once(self) -> bool:
        """Say which roots are trusted, and hear which should be; return whether that changed."""
        joined = await asyncio.to_thread(joined_to, self._home)
        info = await self._asking.trusted(joined.roots)
        now = await asyncio.to_thread(keep, self._home, joined, info)
        if now.roots == joined.roots:
            return False
        self._asking.believe("".join(info.roots))
        log.info("joined.roots_changed", roots=list(now.roots))
        return True
