"""What our own authority certifies for the home that it lies in."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from hermetic.certificates.credential import Credential
from hermetic.certificates.limits import parse
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.certstore.ledger import Ledger
from hermetic.clock import Clock
from hermetic.config.home import Home, speaking_of, write_file
from hermetic.errors import BadConfiguration, BadInput
from hermetic.gateway.certification import Certification, Kept
from hermetic.issuers.authority import LEAF_LIFE, Authority
from hermetic.node.renewal import Renewal
from hermetic.tls.watch import follow
from hermetic.wiring.context import context_of
from hermetic.wiring.sealing import Sealing
from hermetic.wiring.wish import Wish

OWN = "our authority"
"""Where such certificates come from, in words for a person."""


def own_authority(home: Home, clock: Clock, leaf_life: timedelta = LEAF_LIFE) -> Authority:
    """Return the authority of *home*, which is made if there is none; blocks, raises as its `open`."""
    store, ledger = FileStore(home.authority), Ledger(home.signatures)
    limits = partial(authority_limits, home)
    return Authority.open(store, ledger, clock, leaf_life=leaf_life, limits=limits)


def authority_limits(home: Home) -> tuple[str, ...]:
    """Return the domains and networks that the authority of *home* may certify; all without any.

    Raises:
        BadConfiguration: What stands in the file is something else.
    """
    path = home.authority_limits
    with speaking_of(path):
        text = path.read_text("utf-8") if path.exists() else ""
    try:
        return parse(text.split())
    except BadInput as error:
        raise BadConfiguration(f"{path}: {error.text}") from error


async def own_renewal(
    home: Home, role: Role, names: Sequence[str], clock: Clock, *, entry: str = ""
) -> Renewal:
    """Return what keeps a credential of our own authority fit, which is made if there is none.

    It lies in the store of the home under the name of its role, or as *entry*.
    """
    authority = await asyncio.to_thread(own_authority, home, clock)
    write_file(home.ca, authority.root_pem)
    return Renewal(FileStore(home.certificates), entry or role.value, authority, names, role, clock)


async def owned(home: Home, wish: Wish, store: FileStore, clock: Clock) -> Sealing:
    """Return the sealing of a listener that presents what our own authority issues."""
    entry = wish.role.value
    renewal = await own_renewal(home, wish.role, wish.own_names, clock)
    context = context_of(wish, await renewal.credential(), clock)

    kept = Kept(entry, OWN, renewal, names=wish.own_names)

    def present(named: str, credential: Credential) -> None:
        if named == entry:
            context.swap(credential)

    certification = Certification(store, {entry: kept}, clock, present=present)
    read = partial(store.read, entry)
    following = partial(follow, store.folder(entry), context, clock=clock, read=read)
    return Sealing(
        store,
        context,
        home.ca,
        certification,
        (renewal.run, following),
        FileStore(home.authority),
        clock,
        lambda: read().chain,
    )
