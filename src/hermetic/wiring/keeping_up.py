"""What runs beside a node that has joined an authority."""

import asyncio
from functools import partial

from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.node.renewal import Renewal
from hermetic.wiring.joined import Following, Joined, joined_if
from hermetic.wiring.joined_issuer import TRUST, joined_issuer
from hermetic.wiring.life import Task


def keeping_up(home: Home, clock: Clock) -> tuple[Task, ...]:
    """Return what keeps up with the authority that *home* has joined; nothing if there is none.

    Raises:
        BadConfiguration: What was written down of it is damaged.
    """
    joined = joined_if(home)
    return () if joined is None else (partial(_follow, home, joined, clock),)


async def _follow(home: Home, joined: Joined, clock: Clock) -> None:
    issuer = await asyncio.to_thread(partial(joined_issuer, home, joined, clock, use=TRUST))
    await Following(home, issuer).run()


def authentication_renewal(home: Home, clock: Clock) -> Renewal | None:
    """Return what keeps fit what this node shows to compute nodes, if it has joined as a web node.

    Blocks for the disk; raises as `keeping_up`.
    """
    joined, role = joined_if(home), Role.AUTHENTICATION
    if joined is None or role.value not in joined.roles:
        return None
    issuer = joined_issuer(home, joined, clock, profile=role.value, use=role.value)
    store = FileStore(home.certificates)
    return Renewal(store, role.value, issuer, joined.names, role, clock)
