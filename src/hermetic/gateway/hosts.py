"""Which machine keeps which session, as a web node has to know it."""

import asyncio
import random
from typing import Protocol

from hermetic.client.hosting import SessionHost
from hermetic.errors import Gone, Unavailable
from hermetic.gateway.nodes import ComputeNodes
from hermetic.serving.balancing import choose

HERE = ""
"""The node in the rows of one box, which keeps its sessions itself."""


class Hosts(Protocol):
    """The machines that keep sessions.  A node is named as in the session's row."""

    async def place(self) -> tuple[str, SessionHost]:
        """Return the node that a new session should go to, and how to ask it.

        Raises:
            Unavailable: No node takes sessions at present.
        """

    async def of(self, node: str) -> SessionHost:
        """Return how to ask *node*; whether it answers MAY show only when it is asked.

        Raises:
            Gone: That node is gone for good, and its sessions with it.
            Unavailable: It does not answer at present.
        """


class OneHost:
    """The hosts of one box, which are one; a `Hosts`."""

    def __init__(self, host: SessionHost) -> None:
        self._host = host

    async def place(self) -> tuple[str, SessionHost]:
        """See `Hosts.place`."""
        return HERE, self._host

    async def of(self, node: str) -> SessionHost:
        """See `Hosts.of`."""
        if node != HERE:
            raise Gone(
                f"The session was kept by the node {node!r}, which is no part of this box: open a"
                " new session."
            )
        return self._host


class NodeHosts:
    """The compute nodes as hosts of sessions; a `Hosts`.  A node is named by its URI."""

    def __init__(self, nodes: ComputeNodes) -> None:
        self._nodes = nodes

    async def place(self) -> tuple[str, SessionHost]:
        """See `Hosts.place`: the less loaded of two nodes drawn by chance."""
        now = asyncio.get_running_loop().time()
        luck, other = random.random(), random.random()  # noqa: S311
        standing = choose(self._nodes.standings, now, luck, other)
        if standing is None:
            raise Unavailable("No compute node answers at present; try again.")
        node = self._nodes.by_standing[standing]
        return node.address.url, node.sessions

    async def of(self, node: str) -> SessionHost:
        """See `Hosts.of`."""
        found = self._nodes.at(node)
        if found is None:
            raise Gone(
                f"The session was kept by {node or 'one box'}, which is none of the compute nodes"
                " any more: open a new session."
            )
        return found.sessions
