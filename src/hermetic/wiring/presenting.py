"""How a listener comes to what it presents: of our own authority, of a store, or supplied."""

import asyncio
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from hermetic.certificates.selection import Choice
from hermetic.certstore.chosen import Chosen
from hermetic.certstore.files import FileStore
from hermetic.certstore.stores import Stores
from hermetic.clock import Clock
from hermetic.config.home import Home, write_file
from hermetic.errors import BadConfiguration, CertificateRejected
from hermetic.tls.folder import read_folder
from hermetic.tls.watch import follow
from hermetic.wiring.certified import certified
from hermetic.wiring.context import context_of
from hermetic.wiring.front_ends import with_front_ends
from hermetic.wiring.own import owned
from hermetic.wiring.sealing import Sealing, read_elsewhere, unsealed_listener
from hermetic.wiring.wish import Wish


async def seal(home: Home, wish: Wish | None, clock: Clock) -> Sealing:
    """Open or make what the listener presents; without a *wish* it is to speak plain HTTP.

    Raises:
        BadConfiguration: A key cannot be read, or what was supplied or chosen cannot be served.
        StorageFull: There is no room for what is made at a first start.
    """
    sealing = await _sealed(home, wish, clock)
    if wish is not None and wish.front_ends is not None:
        sealing = await with_front_ends(sealing, wish.front_ends, wish.profile, clock)
    return sealing.counting(home)


async def _sealed(home: Home, wish: Wish | None, clock: Clock) -> Sealing:
    if wish is None:
        return unsealed_listener(home, clock)
    store = FileStore(home.certificates)
    if wish.choice is not None:
        return await _chosen(home, wish, wish.choice, store, clock)
    if wish.folder is not None:
        return await _supplied(wish, wish.folder, store, clock)
    if wish.acme:
        return await certified(home, wish, clock)
    return await owned(home, wish, store, clock)


async def _supplied(wish: Wish, folder: Path, store: FileStore, clock: Clock) -> Sealing:
    """Present what somebody else puts into *folder*, and follow it there."""
    try:
        context = context_of(wish, await asyncio.to_thread(read_folder, folder), clock)
    except CertificateRejected as error:
        raise BadConfiguration(
            f"What lies in the certificate folder cannot be served: {error.text}"
        ) from error
    # cert-manager lays the issuer's root beside the pair under this name.
    ca = folder / "ca.crt"
    trusted = ca.absolute() if ca.is_file() else None

    read = partial(read_folder, folder)
    certification, kept = read_elsewhere(store, wish.role, f"folder {folder}", read, clock)
    return Sealing(
        store,
        context,
        trusted,
        certification,
        (partial(follow, folder, context, clock=clock),),
        None,
        clock,
        kept,
    )


async def _chosen(
    home: Home, wish: Wish, choice: Choice, store: FileStore, clock: Clock
) -> Sealing:
    """Present what the settings name in a certificate store, and follow it there."""
    stores = Stores(home.stores)
    chosen = Chosen(stores, choice, role=wish.role, clock=clock)
    try:
        context = context_of(wish, await asyncio.to_thread(chosen.read), clock)
    except CertificateRejected as error:
        raise BadConfiguration(
            f"The certificate that Kestrel.HttpsCertificate names cannot be served: {error.text}"
        ) from error
    following = partial(
        follow, chosen.folder, context, clock=clock, read=chosen.read, digest=chosen.digest
    )
    # The check of the port reads in a thread of its own, and a `Chosen` is for one at a time.
    again = Chosen(Stores(home.stores), choice, role=wish.role, clock=clock)
    source = f"store {choice.location}/{choice.store}"
    certification, kept = read_elsewhere(store, wish.role, source, again.read, clock)
    return Sealing(
        store,
        context,
        await asyncio.to_thread(_published_roots, home, stores),
        certification,
        (following,),
        None,
        clock,
        kept,
    )


def _published_roots(home: Home, stores: Stores) -> Path | None:
    """Write down whom this home believes, for the commands that speak to the node from here."""
    roots = stores.roots()
    if not roots:
        return None
    write_file(home.ca, b"".join(one.public_bytes(Encoding.PEM) for one in roots))
    return home.ca
