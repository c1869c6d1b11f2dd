"""Further host names that a listener answers to, each with a certificate of its own."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from hermetic.certificates.roles import Role
from hermetic.clock import Clock
from hermetic.gateway.certification import Kept
from hermetic.tls.by_name import ByName
from hermetic.tls.contexts import TlsProfile
from hermetic.tls.folders import Folders
from hermetic.wiring.sealing import Sealing

_PREFIX = "front-end-"


async def with_front_ends(
    sealing: Sealing, folder: Path, profile: TlsProfile, clock: Clock
) -> Sealing:
    """Return *sealing*, which presents what lies in the folders below *folder* by name, too.

    Raises:
        BadConfiguration: The folder cannot be read.
    """
    if sealing.context is None:
        return sealing
    by_name = ByName(clock=clock, role=Role.API, profile=profile)
    folders = Folders(folder, by_name)
    await asyncio.to_thread(folders.begin)
    sealing.context.further = by_name.find
    sealing.certification.more = partial(_kept, by_name, folder)

    def seconds_left() -> dict[str, float]:
        now = clock()
        ends = {key: chain.not_after for key, chain in by_name.chains.items()}
        return {f"{_PREFIX}{key}": (end - now).total_seconds() for key, end in ends.items()}

    return replace(sealing, tasks=(*sealing.tasks, folders.run), further=seconds_left)


def _kept(by_name: ByName, folder: Path) -> Mapping[str, Kept]:
    chains, troubles = by_name.chains, by_name.troubles
    return {
        f"{_PREFIX}{key}": Kept(
            Role.API.value,
            f"folder {folder / key}",
            chain=chains.get(key),
            trouble=troubles.get(key),
        )
        for key in sorted({*chains, *troubles})
    }
