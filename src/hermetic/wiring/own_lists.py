"""What our own authority took back, kept where this node looks whom to believe."""

import asyncio
from typing import Never

from hermetic.certificates.selection import StoreLocation
from hermetic.certstore.stores import Stores
from hermetic.clock import Clock
from hermetic.config.home import Home, speaking_of, write_file
from hermetic.errors import HermeticError
from hermetic.gateway.trusted import Trusted
from hermetic.log import logger
from hermetic.registry.orders import Orders

_LOOK_S = 5.0
"""How often to look what was revoked: whoever is expelled is cut off soon after."""

log = logger(__name__)


class OwnLists:
    """Keeps the revocation lists of our authority in the stores of *home*, and its roots for clients."""

    def __init__(self, home: Home, trusted: Trusted, orders: Orders, clock: Clock) -> None:
        self._home, self._trusted, self._orders, self._clock = home, trusted, orders, clock
        self.publishes = False
        """Whether clients are to trust our authority: their file says then whom."""

    async def run(self) -> Never:
        """Do so, and forget what has ended, until cancelled."""
        while True:
            try:
                await self.take_in()
                await self._orders.sweep(self._clock())
            except HermeticError as error:
                log.warning("authority.lists_not_kept", text=error.text)
            await asyncio.sleep(_LOOK_S)

    async def take_in(self) -> None:
        """Keep the lists as they are now; none as long as nothing was revoked."""
        if self.publishes:
            await asyncio.to_thread(self._publish, "".join(await self._trusted.roots()).encode())
        found = await self._trusted.revocation_lists()
        if found:
            stores = await asyncio.to_thread(Stores, self._home.stores)
            for one in found:
                await asyncio.to_thread(
                    stores.add_revocation_list, StoreLocation.LOCAL_MACHINE, one
                )

    def _publish(self, pem: bytes) -> None:
        ca = self._home.ca
        with speaking_of(ca):
            known = ca.read_bytes() if ca.exists() else b""
        if known != pem:
            write_file(ca, pem)
