"""One credential that several nodes present, and one of them renews.

Which one is decided by a lease.  All that the others need to go on lies in the database, sealed: the
credential, the account at the ACME server with the order that is under way, the key that waits for
it.  So a node that takes over in the middle of an order goes on with it, and nothing is ordered
twice; and what the one before still writes, paused and woken up too late, is refused.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Never, TypeVar

from hermetic.certificates.credential import Credential
from hermetic.certificates.keys import PrivateKey
from hermetic.certstore.forms import PAIR
from hermetic.certstore.pending import documents_of, key_in
from hermetic.certstore.store import CertificateStore
from hermetic.errors import Busy, Conflict, HermeticError
from hermetic.log import logger
from hermetic.node.renewal import Renewal
from hermetic.registry.leases import Lease, Leases
from hermetic.registry.sealed import Documents, SealedDocuments

T = TypeVar("T")

LEASE_LIFE = timedelta(seconds=30)
"""After so long another node takes over from one that died."""
LOOK_S = 2.0
"""How often each node looks for what another has written."""
_KEPT_EVERY = 3  # times in its life

log = logger(__name__)


class Shared:
    """What nodes have together about one entry: the lease, and the documents it fences.

    Args:
        holder: Who this node is; anything that no other is.
    """

    def __init__(
        self, entry: str, sealed: SealedDocuments, leases: Leases, holder: str = ""
    ) -> None:
        self.entry, self.sealed, self._leases = entry, sealed, leases
        self.holder = holder or secrets.token_hex(8)
        self.lease: Lease | None = None
        self._known: dict[str, Documents] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def named(self, what: str) -> str:
        """Return the name of the document that holds *what* of the entry."""
        return f"{self.entry}/{what}"

    async def take(self) -> bool:
        """Take or keep the lease; return whether it is ours."""
        self._loop = asyncio.get_running_loop()
        lease = await self._leases.take(self.entry, self.holder, LEASE_LIFE)
        if lease is None or self.lease is None or lease.token != self.lease.token:
            self._known.clear()  # another node has written since
        self.lease = lease
        return lease is not None

    async def give_back(self) -> None:
        """Give the lease back, so that another node need not wait for its end."""
        if self.lease is not None:
            lease, self.lease = self.lease, None
            await self._leases.release(lease)

    async def load(self, *what: str) -> None:
        """Read what is written about *what*, unless it is known."""
        for one in what:
            if one not in self._known:
                _, self._known[one] = await self.sealed.read(self.named(one))

    def known(self, what: str) -> Documents:
        """Return what was loaded or written of *what*; nothing if there is nothing."""
        return self._known.get(what, {})

    def write(self, what: str, documents: Documents) -> None:
        """Keep *documents*; blocks, from a thread beside the loop.

        Raises:
            Conflict: Another node has taken over.
        """
        lease, loop = self.lease, self._loop
        if lease is None or loop is None:
            raise Conflict(f"Another node has taken over {self.entry!r} meanwhile.")
        written = self.sealed.write(self.named(what), documents, lease)
        asyncio.run_coroutine_threadsafe(_as_coroutine(written), loop).result()
        self._known[what] = documents


class SharedAccount:
    """An account at an ACME server, as `issuers.acme.account.Keeping` has it."""

    def __init__(self, shared: Shared, server: str) -> None:
        self._shared, self._server = shared, server

    def read(self, name: str) -> Mapping[str, bytes] | None:
        """Return the files of the account *name*, as they were loaded."""
        return self._shared.known(self.what(name)) or None

    def write(self, name: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of the account *name*."""
        self._shared.write(self.what(name), files)

    def remove(self, name: str) -> None:
        """Forget the account *name*."""
        if self._shared.known(self.what(name)):
            self._shared.write(self.what(name), {})

    def what(self, name: str) -> str:
        """Return under which name the account *name* is shared."""
        return f"{self._server}/{name}"


class SharedPending:
    """The key that waits for its certificate, as `Pending` has it."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    def read(self) -> PrivateKey | None:
        """Return the key that waits, as it was loaded."""
        found = self._shared.known("pending")
        return key_in(found) if found else None

    def write(self, key: PrivateKey) -> None:
        """Keep *key*."""
        self._shared.write("pending", documents_of(key))

    def clear(self) -> None:
        """Forget the key."""
        if self._shared.known("pending"):
            self._shared.write("pending", {})


class SharedStore:
    """A `CertificateStore` whose writes go to the other nodes first, and then to *local*."""

    def __init__(self, shared: Shared, local: CertificateStore) -> None:
        self._shared, self._local = shared, local

    def entries(self) -> tuple[str, ...]:
        """Return the names that hold a credential here."""
        return self._local.entries()

    def read(self, entry: str) -> Credential:
        """Return the credential *entry* as it is here."""
        return self._local.read(entry)

    def write(self, entry: str, credential: Credential) -> None:
        """Keep *credential* for all; raises `Conflict` too."""
        self._shared.write("credential", dict(PAIR.write(credential)))
        self._local.write(entry, credential)

    def folder(self, entry: str) -> Path:
        """Return the folder in which something changes whenever *entry* does."""
        return self._local.folder(entry)

    def exclusive(self, entry: str) -> AbstractContextManager[None]:
        """Hold *entry* against other processes here."""
        return self._local.exclusive(entry)


class SharedRenewal:
    """Keeps one credential fit, together with the other nodes; see `Renewal`.

    Args:
        documents: What to load about the entry before a turn: accounts.
    """

    def __init__(
        self,
        shared: Shared,
        renewal: Renewal,
        local: CertificateStore,
        documents: tuple[str, ...] = (),
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._shared, self._renewal, self._local = shared, renewal, local
        self._documents, self._pause = ("pending", *documents), pause
        self._version = 0
        self._alone = asyncio.Lock()
        self.follow: Callable[[], Awaitable[None]] = _nothing
        """Called in each turn: shows what another node's order has to show (`proofs`)."""

    @property
    def next_at(self) -> datetime | None:
        """When it is tried next, where this node leads."""
        return self._renewal.next_at

    @property
    def doing(self) -> str:
        """What this node's order does or waits for now; "" for nothing."""
        return self._renewal.doing

    @property
    def last_error(self) -> str | None:
        """Why the last try of this node failed; `None` if it did not."""
        return self._renewal.last_error

    async def run(self) -> Never:
        """Keep the credential fit until cancelled."""
        try:
            while True:
                await self.turn()
                await self._pause(LOOK_S)
        finally:
            with contextlib.suppress(HermeticError):
                await self._shared.give_back()

    async def turn(self) -> None:
        """Take in what another node has renewed; renew if it is this node's turn."""
        try:
            await self.take_in()
            await self.follow()
            if await self._shared.take():
                await self._led(self._renewal.turn)
        except HermeticError as error:
            log.warning("certificate.not_shared", entry=self._shared.entry, text=error.text)

    async def renew_now(self) -> Credential:
        """Renew for all; raises as `Renewal.renew_now`, and `Busy` if another node is at it."""
        await self.take_in()
        if not await self._shared.take():
            raise Busy("Another web node renews this certificate: ask that one, or try again.")
        return await self._led(self._renewal.renew_now)

    async def take_in(self) -> None:
        """Present what another node has renewed."""
        name = self._shared.named("credential")
        if await self._shared.sealed.version(name) == self._version:
            return
        version, documents = await self._shared.sealed.read(name)
        if documents:
            found = PAIR.read(documents)
            if not await asyncio.to_thread(self._is_here, found):
                await asyncio.to_thread(self._local.write, self._shared.entry, found)
        self._version = version

    def _is_here(self, found: Credential) -> bool:
        if self._shared.entry not in self._local.entries():
            return False
        return self._local.read(self._shared.entry).chain.sha256 == found.chain.sha256

    async def _led(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do *work* as the node whose turn it is, and keep the lease meanwhile.

        Raises:
            Conflict: Another node has taken over; the work was stopped.
        """
        async with self._alone:
            await self._shared.load(*self._documents)
            doing = asyncio.ensure_future(work())
            keeping = asyncio.ensure_future(self._keep())
            try:
                await asyncio.wait({doing, keeping}, return_when=asyncio.FIRST_COMPLETED)
                if doing.done():
                    return await doing
                await keeping
                raise Conflict(f"Another node has taken over {self._shared.entry!r} meanwhile.")
            finally:
                for one in (doing, keeping):
                    one.cancel()
                await asyncio.gather(doing, keeping, return_exceptions=True)

    async def _keep(self) -> None:
        """Keep the lease until it is another's."""
        every_s = LEASE_LIFE.total_seconds() / _KEPT_EVERY
        token = self._shared.lease.token if self._shared.lease else 0
        while True:
            await self._pause(every_s)
            mine = await self._shared.take()
            if not mine or self._shared.lease is None or self._shared.lease.token != token:
                return


async def _nothing() -> None:
    """Do nothing."""


async def _as_coroutine(awaitable: Awaitable[T]) -> T:
    return await awaitable
