"""Who lets names of front ends lead to a node, as the settings say it."""

import asyncio
import importlib
from pathlib import Path

from hermetic.config.azureml import AzureMl
from hermetic.gateway.frontends import Leading


async def leading_of(section: AzureMl, address: str) -> Leading | None:
    """Return who lets names lead to *address*; `None` where nobody was named.

    Raises:
        BadConfiguration: The key cannot be read.
    """
    if not section.dns_server:
        return None
    # What speaks to name servers costs each start 40 ms, and most have none to speak to.
    proving = importlib.import_module("hermetic.wiring.proving")
    updates = importlib.import_module("hermetic.issuers.dns_updates")
    key_file = Path(section.dns_key_file) if section.dns_key_file else None
    server = await asyncio.to_thread(proving.update_server, section.dns_server, key_file)
    return Leading(updates.DnsUpdates(server), address)
