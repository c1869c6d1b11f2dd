"""A conversation with an ACME server, as one account, which is made if there is none."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

from hermetic.certificates.keys import KeyKind, PrivateKey, generate
from hermetic.clock import Clock
from hermetic.errors import BadConfiguration, RefusedByIssuer, TooManyAttempts, Unreachable
from hermetic.issuers.acme import jose
from hermetic.issuers.acme.account import Account, Keeping
from hermetic.issuers.acme.order import Reply
from hermetic.issuers.acme.transport import Transport
from hermetic.log import logger

ACCOUNT, NEXT = "account", "next"
"""The names under which the account is kept, and the one whose key is to take its place."""

log = logger(__name__)


@dataclass(frozen=True)
class Server:
    """An ACME server, and how it is dealt with.

    Args:
        directory: The address of its directory.
        context: Whom to believe there.
        contact: Addresses for mail about the account.
        agreed: Whether somebody agreed to its terms of service.
        external: An account that the authority knows already.
        profile: The profile that is wished for.
        root: A word in the name of the root that is preferred.
        limited: Whether it is a public one, whose limits are never to be met (`budget`).
    """

    directory: str
    context: ssl.SSLContext = field(repr=False)
    contact: tuple[str, ...] = ()
    agreed: bool = False
    external: jose.ExternalAccount | None = None
    profile: str = ""
    root: str = ""
    limited: bool = False


@dataclass(frozen=True)
class Chance:
    """Time and chance, which a test turns itself."""

    clock: Clock
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    luck: Callable[[], float] = random.random


class Conversation:
    """Speaks as an account; `conversing` makes one."""

    def __init__(
        self, server: Server, kept: Keeping, transport: Transport, account: Account
    ) -> None:
        self.transport, self.account = transport, account
        self._server, self._kept = server, kept
        self._known_again = False

    async def post(self, url: str, payload: Mapping[str, object] | None) -> Reply:
        """Ask as the account; raises as `Transport.post`."""
        account = self.account
        try:
            return await self.transport.post(url, payload, account.key, account.kid)
        except RefusedByIssuer as error:
            # The server forgot the account, as one that was set up anew has.
            if error.code != "accountDoesNotExist" or self._known_again:
                raise
        self._known_again = True
        await self._register()
        return await self.transport.post(url, payload, self.account.key, self.account.kid)

    async def keep(self, account: Account) -> None:
        """Make *account* what it is from now on, and what the next run finds."""
        self.account = account
        await asyncio.to_thread(self._kept.write, ACCOUNT, account.files())

    async def begin(self) -> None:
        """Make sure that the server knows the account, and by which key."""
        if not self.account.kid:
            await self._register()
        files = await asyncio.to_thread(self._kept.read, NEXT)
        if files is not None:
            await self._complete_change(Account.of(files).key)

    async def change_key(self, kind: KeyKind) -> None:
        """Give the account another key (RFC 8555, 7.3.5)."""
        directory = await self.transport.directory()
        coming = replace(self.account, key=generate(kind))
        # First kept, then said: whichever key the server knows in the end is ours.
        await asyncio.to_thread(self._kept.write, NEXT, coming.files())
        payload = {"account": self.account.kid, "oldKey": jose.jwk(self.account.key)}
        inner = jose.inner(payload, coming.key, url=directory.key_change)
        await self.post(directory.key_change, inner)
        await self.keep(replace(self.account, key=coming.key))
        await asyncio.to_thread(self._kept.remove, NEXT)

    async def _register(self) -> None:
        """Make the account known to the server, or find it there by its key."""
        server, directory = self._server, await self.transport.directory()
        meta = directory.meta
        if meta.terms_of_service and not server.agreed:
            raise BadConfiguration(
                f"The ACME server asks for agreement to its terms, {meta.terms_of_service}: read"
                " them, and say --agree-tos (Certificates.Acme.AgreeTos in the settings)."
            )
        if meta.external_account_required and server.external is None:
            raise BadConfiguration(
                "The ACME server wants an account that its authority knows already: ask for an EAB"
                " key there, and say --eab-kid and --eab-key-file."
            )
        await self.keep(self.account)  # an account whose key is lost is nobody's
        key = self.account.key
        payload: dict[str, object] = {"termsOfServiceAgreed": server.agreed}
        if server.contact:
            payload["contact"] = [f"mailto:{one}" for one in server.contact]
        if server.external is not None:
            bound = server.external.bound(directory.new_account, jose.jwk(key))
            payload["externalAccountBinding"] = bound
        reply = await self.transport.post(directory.new_account, payload, key)
        if not reply.location:
            raise Unreachable("The ACME server made an account and does not say where.")
        await self.keep(replace(self.account, kid=reply.location))
        log.info("acme.registered", directory=server.directory, account=reply.location)

    async def _complete_change(self, coming: PrivateKey) -> None:
        """End a change of keys that was cut short."""
        directory = await self.transport.directory()
        try:
            await self.transport.post(directory.new_account, {"onlyReturnExisting": True}, coming)
            await self.keep(replace(self.account, key=coming))
        except RefusedByIssuer as error:
            if error.code != "accountDoesNotExist":
                raise
        await asyncio.to_thread(self._kept.remove, NEXT)


@asynccontextmanager
async def conversing(server: Server, kept: Keeping, chance: Chance) -> AsyncIterator[Conversation]:
    """Speak as the account that is *kept*; what the server says of patience is kept too.

    Raises:
        BadConfiguration: The server asks for what was not said: agreement, an EAB key.
        TooManyAttempts: It asked for patience, in this run or in a former one.
    """
    account = await asyncio.to_thread(stored, kept)
    not_before = account.not_before if account else None
    async with transport_of(server, chance, not_before) as transport:
        speaking = Conversation(
            server, kept, transport, account or Account(generate(KeyKind.EC_P256))
        )
        try:
            await speaking.begin()
            yield speaking
        except TooManyAttempts:
            if transport.not_before != not_before:
                await speaking.keep(replace(speaking.account, not_before=transport.not_before))
            raise


def transport_of(server: Server, chance: Chance, not_before: datetime | None) -> Transport:
    """Return the transport to *server*."""
    return Transport(
        server.directory,
        server.context,
        chance.clock,
        not_before=not_before,
        pause=chance.pause,
        luck=chance.luck,
    )


def stored(kept: Keeping) -> Account | None:
    """Return the account that is *kept*; blocks."""
    files = kept.read(ACCOUNT)
    return None if files is None else Account.of(files)
