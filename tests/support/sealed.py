"""A compute node behind mutual TLS, without worker processes, and what reaches it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from hermetic.certificates.roles import Role
from hermetic.client.hosting import SessionHost
from hermetic.client.link import Target
from hermetic.clock import system_clock
from hermetic.node.listener import Limits, Listener
from hermetic.tls.contexts import client_context
from hermetic.tls.reload import SwappingContext
from tests.support.certificates import Hierarchy
from tests.support.computenode import ComputeNode, compute_node


@dataclass
class Sealed:
    """The node, who stands behind its certificate, and its listener."""

    node: ComputeNode
    authority: Hierarchy
    listeners: list[Listener]

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.node.port)

    @property
    def open(self) -> int:
        """How many connections it has."""
        return self.listeners[0].open


@asynccontextmanager
async def sealed_node(
    home: Path, authority: Hierarchy, *, sessions: SessionHost | None = None
) -> AsyncIterator[Sealed]:
    """Run a node in *home* that lets in whom *authority* vouches for, until left."""
    presented = SwappingContext(
        authority.issue(role=Role.COMPUTE),
        clock=system_clock,
        role=Role.COMPUTE,
        client_roots=authority.root_pem,
    )
    listeners: list[Listener] = []

    async def listen(
        sockets: Sequence[socket], connect: Callable[[], asyncio.Protocol]
    ) -> Listener:
        listeners.append(await Listener.start(sockets, connect, presented.base, limits=Limits()))
        return listeners[0]

    async with compute_node(home, listen=listen, sessions=sessions) as node:
        yield Sealed(node, authority, listeners)


def believing(authority: Hierarchy, shows: Hierarchy | None = None) -> ssl.SSLContext:
    """Return the context of a web node that believes *authority* and shows what *shows* issued."""
    credential = shows.issue("web", role=Role.AUTHENTICATION) if shows else None
    return client_context(authority.root_pem, credential=credential)
