"""Which compute nodes there are: enrolled by an administrator, drained, removed.

What was decided lies in the database, and every web node takes it in.  An entry is kept as it was
written, one address or a range of many.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from hermetic.access.policy import may_administer
from hermetic.access.principals import Principal
from hermetic.errors import BadInput, NotFound, NotPermitted
from hermetic.gateway.nodes import ComputeNode, ComputeNodes
from hermetic.gateway.others import ALONE, Others
from hermetic.log import logger
from hermetic.registry.nodes import ComputeEntries
from hermetic.serving.uris import expand

log = logger(__name__)


class Enrolment:
    """Lists, adds, removes and drains compute nodes."""

    def __init__(
        self, entries: ComputeEntries, nodes: ComputeNodes, others: Others = ALONE
    ) -> None:
        self._entries, self._nodes, self._others = entries, nodes, others

    async def start(self, configured: Sequence[str]) -> None:
        """Add the entries of the settings, unless they were added before, and use what there is.

        Raises:
            BadInput: One of them is none.
        """
        expand(configured)
        await self._entries.seed(_written(configured))
        await self.take_in()

    async def take_in(self, since_revision: int = 0) -> None:
        """Use the nodes that are enrolled now; since when that changed makes no difference."""
        addresses = expand(await self._entries.all())
        self._nodes.replace(addresses, (await self._entries.draining()).keys())

    async def entries(self) -> list[str]:
        """Return the entries as they were written."""
        return await self._entries.all()

    async def replace(self, principal: Principal, entries: Sequence[str]) -> None:
        """Have these entries and no others.

        Raises:
            NotPermitted: The principal is no Owner.
            BadInput: One of them is neither a URI nor a range.
        """
        _refuse_others(principal)
        expand(entries)
        await self._entries.replace(_written(entries))
        await self._changed(principal, "replaced", entries)

    async def add(self, principal: Principal, entries: Sequence[str]) -> None:
        """Add entries; those that are there stay.  Raises as `replace` does."""
        _refuse_others(principal)
        expand([*await self._entries.all(), *entries])
        await self._entries.add(_written(entries))
        await self._changed(principal, "added", entries)

    async def remove(self, principal: Principal, entries: Sequence[str]) -> None:
        """Remove entries; what their nodes run is finished.

        Raises:
            NotFound: One of them is no entry; nothing was removed.
        """
        _refuse_others(principal)
        known, wanted = await self._entries.all(), _written(entries)
        for one in wanted:
            if one not in known:
                raise NotFound(
                    f"{one!r} is no entry: there are {', '.join(known) or 'none'}. A range is"
                    " removed as it was added."
                )
        await self._entries.remove(wanted)
        await self._changed(principal, "removed", entries)

    async def drain(self, principal: Principal, uri: str, *, undo: bool = False) -> None:
        """Let the node at *uri* get no further calls, or get them again.

        Raises:
            NotPermitted: The principal is no Owner.
            NotFound: There is no node at that address.
        """
        _refuse_others(principal)
        node = self._at(uri)
        if undo:
            await self._entries.undrain(node.address.url)
        else:
            await self._entries.drain(node.address.url)
        await self._changed(principal, "undrained" if undo else "drained", [node.address.url])

    async def restart(self, principal: Principal, uri: str) -> None:
        """Let the node at *uri* finish what it runs, end, and begin again.

        Raises:
            NotPermitted: The principal is no Owner.
            NotFound: There is no node at that address.
            Unreachable: It does not answer.
        """
        _refuse_others(principal)
        node = self._at(uri)
        await node.client.restart()
        log.info("node.restarting", node=node.address.url, account=principal.name)

    def _at(self, uri: str) -> ComputeNode:
        node = self._nodes.at(uri)
        if node is None:
            known = ", ".join(one.address.url for one in self._nodes) or "none"
            raise NotFound(f"There is no compute node at {uri[:200]!r}: there are {known}.")
        return node

    async def nodes(self) -> tuple[Sequence[ComputeNode], Mapping[str, datetime]]:
        """Return the nodes as this web node sees them, and since when some are drained."""
        return list(self._nodes), await self._entries.draining()

    async def _changed(self, principal: Principal, how: str, entries: Sequence[str]) -> None:
        await self.take_in()
        log.info("nodes.changed", how=how, entries=list(entries), account=principal.name)
        await self._others.tell()


def _written(entries: Sequence[str]) -> list[str]:
    """Return *entries* one by one, without blanks and slashes at their ends."""
    single = [one.strip().rstrip("/") for entry in entries for one in entry.split(",")]
    if not all(single):
        raise BadInput("An entry is empty: write a URI such as https://compute-1:12805.")
    return list(dict.fromkeys(single))


def _refuse_others(principal: Principal) -> None:
    if not may_administer(principal):
        raise NotPermitted("Only an Owner changes which compute nodes there are.")
