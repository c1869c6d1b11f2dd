"""What our own authority certifies for the home that it lies in."""

import asyncio
from collections.abc import Sequence

from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import Clock
from hermetic.config.home import Home, write_file
from hermetic.issuers.authority import Authority
from hermetic.node.renewal import Renewal


async def own_renewal(
    home: Home, role: Role, names: Sequence[str], clock: Clock, *, entry: str = ""
) -> Renewal:
    """Return what keeps a credential of our own authority fit, which is made if there is none.

    It lies in the store of the home under the name of its role, or as *entry*.
    """
    kept = FileStore(home.authority)
    authority = await asyncio.to_thread(Authority.open, kept, clock)
    write_file(home.ca, authority.root_pem)
    return Renewal(FileStore(home.certificates), entry or role.value, authority, names, role, clock)
