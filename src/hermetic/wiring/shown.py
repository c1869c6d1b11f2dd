"""What a web node shows to compute nodes: of a store, or of our own authority, or one it joined."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certstore.chosen import Chosen
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.config.sections import CertificateChoice
from hermetic.gateway.certification import Kept
from hermetic.tls.folder import digest_of
from hermetic.wiring.joined import joined_if
from hermetic.wiring.keeping_up import authentication_renewal
from hermetic.wiring.life import Task
from hermetic.wiring.own import OWN, own_renewal
from hermetic.wiring.wish import choice_of

AUTHENTICATION = Role.AUTHENTICATION.value
"""The entry of the store for a certificate of our own authority."""


@dataclass(frozen=True)
class Shown:
    """Where what is shown to compute nodes comes from; all of it blocks for the disk."""

    read: Callable[[], Credential]
    digest: Callable[[], str]
    folder: Path
    kept: Kept
    """What it is, for whoever lists certificates."""
    tasks: tuple[Task, ...] = ()


async def shown_by(
    home: Home, section: CertificateChoice, own_names: Sequence[str], clock: Clock
) -> Shown | None:
    """Return what *section* of the settings means; `None` if nothing is to be shown.

    For *own_names* our own authority certifies this node, where it has that authority and no
    certificate is named.
    """
    if section.is_chosen:
        stores, choice = Stores(home.stores), choice_of(section)
        chosen = Chosen(stores, choice, role=Role.AUTHENTICATION, clock=clock)
        again = Chosen(Stores(home.stores), choice, role=Role.AUTHENTICATION, clock=clock)
        source = f"store {choice.location}/{choice.store}"
        kept = Kept(AUTHENTICATION, source, read=lambda: again.read().chain)
        return Shown(chosen.read, chosen.digest, chosen.folder, kept)
    if section.enabled is False:
        return None
    renewal = await asyncio.to_thread(authentication_renewal, home, clock)
    joined = joined_if(home)
    source = OWN if renewal is None or joined is None else f"ACME {joined.directory}"
    if renewal is None:
        if not home.authority.is_dir():
            return None
        renewal = await own_renewal(home, Role.AUTHENTICATION, own_names, clock)
    await renewal.credential()
    store = FileStore(home.certificates)
    folder = store.folder(AUTHENTICATION)
    read, digest = partial(store.read, AUTHENTICATION), partial(digest_of, folder)
    kept = Kept(AUTHENTICATION, source, renewal)
    return Shown(read, digest, folder, kept, (renewal.run,))
