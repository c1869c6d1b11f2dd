"""A listener that presents what an ACME server certifies.

Beside it our own authority certifies the names of this machine, for the commands that speak to the
node from here; and in its place until the first public certificate has come, so that a node starts
though the server be out of reach.
"""

import asyncio
from functools import partial

from hermetic.certificates.credential import Credential
from hermetic.certstore.files import FileStore
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.errors import CertificateRejected, NotFound
from hermetic.gateway.certification import Certification, Kept
from hermetic.log import logger
from hermetic.tls.reload import SwappingContext
from hermetic.tls.watch import follow
from hermetic.wiring.acme_renewal import acme_renewal
from hermetic.wiring.context import context_of
from hermetic.wiring.own import OWN, own_renewal
from hermetic.wiring.sealing import Sealing
from hermetic.wiring.wish import Wish

LOCAL = "local"
"""The entry of what our own authority certifies."""

log = logger(__name__)


async def certified(home: Home, wish: Wish, clock: Clock) -> Sealing:
    """Return the sealing of a listener for the names of *wish*, which an ACME server certifies.

    Raises:
        BadConfiguration: A file that the settings name cannot be used.
        StorageFull: There is no room for what is made at a first start.
    """
    store, entry = FileStore(home.certificates), wish.role.value
    ordered = await asyncio.to_thread(acme_renewal, home, wish, clock)
    public = ordered.renewal
    local = await own_renewal(home, wish.role, wish.own_names, clock, entry=LOCAL)
    own = await local.credential()
    beside = SwappingContext(own, clock=clock, role=wish.role, profile=wish.profile)
    context = _begun(wish, store, own, clock, beside)
    context.base.aside = ordered.answers.served

    kept = {
        entry: Kept(entry, _source(wish), public, names=wish.names),
        LOCAL: Kept(entry, OWN, local, names=wish.own_names),
    }

    presenting = {entry: context, LOCAL: beside}

    def present(named: str, credential: Credential) -> None:
        if named in presenting:
            presenting[named].swap(credential)

    best = partial(_best, store, entry, clock)
    tasks = (
        public.run,
        local.run,
        # Both: what stands in for the public one lives a day, and is renewed as well.
        partial(follow, store.folder(entry), context, clock=clock, read=best),
        partial(follow, store.folder(LOCAL), context, clock=clock, read=best),
        partial(follow, store.folder(LOCAL), beside, clock=clock, read=partial(store.read, LOCAL)),
    )
    return Sealing(
        store,
        context,
        home.ca,
        Certification(store, kept, clock, present=present),
        tasks,
        FileStore(home.authority),
        clock,
        lambda: store.read(entry if entry in store.entries() else LOCAL).chain,
        provers=ordered.provers,
    )


def _source(wish: Wish) -> str:
    return ", else ".join(f"ACME {one.directory}" for one in wish.acme)


def _begun(
    wish: Wish, store: FileStore, own: Credential, clock: Clock, beside: SwappingContext
) -> SwappingContext:
    """Return a context with the public credential if there is a good one, else with our *own*."""
    try:
        kept = store.read(wish.role.value)
        return context_of(wish, kept, clock, beside=beside)
    except (NotFound, CertificateRejected) as error:
        log.warning("certificate.of_our_own_first", names=list(wish.names), text=error.text)
        return context_of(wish, own, clock, beside=beside)


def _best(store: FileStore, entry: str, clock: Clock) -> Credential:
    """Return the public credential, or our own while there is none that has not expired."""
    try:
        found = store.read(entry)
        if clock() <= found.chain.not_after:
            return found
    except NotFound:
        pass  # nothing has come yet
    return store.read(LOCAL)
