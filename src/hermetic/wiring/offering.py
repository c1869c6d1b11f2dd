"""What any node with an API offers, whoever executes: accounts, access, services, snapshots."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from hermetic.client.execution import Execution
from hermetic.clock import Clock
from hermetic.gateway.access import Access
from hermetic.gateway.accounts import Accounts
from hermetic.gateway.others import ALONE, Others
from hermetic.gateway.publishing import Publishing
from hermetic.gateway.routing import Routes
from hermetic.gateway.served import Served
from hermetic.gateway.sessions import Sessions
from hermetic.gateway.snapshots import Snapshots
from hermetic.identity.local import LocalAccounts
from hermetic.identity.passwords import Passwords
from hermetic.web.cases import UseCases
from hermetic.wiring.keeping import Kept
from hermetic.wiring.sealing import Sealing

ISSUER = "hermetic"
"""Who a token says it is from; other installations sign with another key."""


@dataclass(frozen=True)
class Offer:
    """Use cases that need no more than what is kept, and somebody who executes."""

    accounts: LocalAccounts
    access: Access
    routes: Routes
    served: Served
    publishing: Publishing
    snapshots: Snapshots

    async def start(self) -> None:
        """Read what is kept, once its database is open."""
        await self.access.start()
        await self.publishing.start()

    def cases(self, sealing: Sealing, sessions: Sessions) -> UseCases:
        """Return them as the API is given them."""
        return UseCases(
            access=self.access,
            accounts=Accounts(self.accounts, self.access),
            publishing=self.publishing,
            sessions=sessions,
            snapshots=self.snapshots,
            certification=sealing.certification,
        )


@asynccontextmanager
async def offered(
    kept: Kept,
    execution: Execution,
    key: RSAPrivateKey,
    clock: Clock,
    *,
    others: Others = ALONE,
    unpacks: bool = True,
) -> AsyncIterator[Offer]:
    """Give what is offered, with tokens that *key* signs; nothing is read yet.

    Bundles are unpacked here if it *unpacks* them.
    """
    passwords = Passwords()
    try:
        accounts, routes = LocalAccounts(kept.principals, passwords), Routes()
        served = Served(
            services=kept.services,
            bundles=kept.bundles,
            execution=execution,
            routes=routes,
            unpacks=unpacks,
        )
        yield Offer(
            accounts=accounts,
            access=Access(
                provider=accounts,
                logins=kept.logins,
                key=key,
                issuer=ISSUER,
                clock=clock,
                others=others,
            ),
            routes=routes,
            served=served,
            publishing=Publishing(
                services=kept.services,
                snapshots=kept.snapshots,
                bundles=kept.bundles,
                served=served,
                clock=clock,
                others=others,
                further=kept.artifacts.bundles,
            ),
            snapshots=Snapshots(kept.snapshots, kept.bundles),
        )
    finally:
        await passwords.close()
