"""A listener that presents what an ACME server certifies.

Beside it our own authority certifies the names of this machine, for the commands that speak to the
node from here; and in its place until the first public certificate has come, so that a node starts
though the server be out of reach.
"""

import asyncio
from functools import partial

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certstore.files import FileStore
from hermetic.clock import Clock
from hermetic.config.acme import Acme
from hermetic.config.home import Home
from hermetic.errors import HermeticError, NotFound
from hermetic.gateway.certification import Certification
from hermetic.log import logger
from hermetic.node.renewal import Renewal
from hermetic.tls.reload import SwappingContext
from hermetic.tls.watch import follow
from hermetic.wiring.acme import acme_issuer
from hermetic.wiring.context import context_of
from hermetic.wiring.own import own_renewal
from hermetic.wiring.sealing import Sealing
from hermetic.wiring.wish import Wish

LOCAL = "local"
"""The entry of what our own authority certifies."""

log = logger(__name__)


async def certified(home: Home, wish: Wish, acme: Acme, clock: Clock) -> Sealing:
    """Return the sealing of a listener for the names of *wish*, which *acme* certifies.

    Raises:
        BadConfiguration: A file that the settings name cannot be used.
        StorageFull: There is no room for what is made at a first start.
    """
    store, entry = FileStore(home.certificates), wish.role.value
    issuer = await asyncio.to_thread(acme_issuer, home, acme, clock)
    public = Renewal(store, entry, issuer, wish.names, wish.role, clock)
    local = await own_renewal(home, wish.role, wish.own_names, clock, entry=LOCAL)
    own = await local.credential()
    beside = SwappingContext(own, clock=clock, role=wish.role, profile=wish.profile)
    context = context_of(wish, await _public(store, public, own), clock, beside=beside)

    def present(named: str, credential: Credential) -> None:
        {entry: context, LOCAL: beside}[named].swap(credential)

    def kept() -> Chain:
        return store.read(entry if entry in store.entries() else LOCAL).chain

    tasks = (
        public.run,
        local.run,
        partial(_follow_when_there, store, entry, context, clock),
        partial(follow, store.folder(LOCAL), beside, clock=clock, read=partial(store.read, LOCAL)),
    )
    return Sealing(
        store,
        context,
        home.ca,
        Certification(store, {entry: public, LOCAL: local}, clock, present=present),
        tasks,
        FileStore(home.authority),
        clock,
        kept,
    )


async def _public(store: FileStore, public: Renewal, otherwise: Credential) -> Credential:
    """Return the public credential if there is one that can be presented."""
    if public.standing.entry not in store.entries():
        log.warning("certificate.of_our_own_first", entry=public.standing.entry)
        return otherwise
    try:
        return await public.credential()
    except HermeticError as error:
        log.warning("certificate.of_our_own_instead", text=error.text)
        return otherwise


async def _follow_when_there(
    store: FileStore, entry: str, context: SwappingContext, clock: Clock
) -> None:
    """Present what is written to *entry*, from the first time on."""

    def read() -> Credential:
        try:
            return store.read(entry)
        except NotFound:
            return context.credential  # nothing has come yet

    await follow(store.folder(entry), context, clock=clock, read=read)
