"""The TLS side of a listener: what it presents, and what keeps that up."""

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from hermetic.certificates.chain import Chain
from hermetic.certificates.credential import Credential
from hermetic.certificates.roles import Role
from hermetic.certstore.files import FileStore
from hermetic.clock import Clock
from hermetic.config.home import Home
from hermetic.errors import NotFound, Unavailable
from hermetic.gateway.certification import Certification, Kept
from hermetic.issuers.acme.proving import Prover
from hermetic.issuers.roots import ROOT
from hermetic.node.ending import Ending
from hermetic.node.presented import PresentedCheck
from hermetic.tls.reload import SwappingContext
from hermetic.wiring.expiries import Expiries
from hermetic.wiring.keeping_up import keeping_up
from hermetic.wiring.life import Task


@dataclass(frozen=True)
class Sealing:
    """The TLS side of a listener; `context` is `None` where plain HTTP was chosen.

    `ca` is the file clients are to trust; `None` where the system's authorities will do.  `kept`
    reads what should be presented.
    """

    store: FileStore
    context: SwappingContext | None
    ca: Path | None
    certification: Certification
    tasks: tuple[Task, ...]
    authority: FileStore | None
    clock: Clock
    kept: Callable[[], Chain] | None = None
    further: Callable[[], dict[str, float]] = dict
    """Gives the seconds to the end of what is not presented, by its name."""
    provers: tuple[Prover, ...] = ()
    """Who proves names here, to each of the ACME servers that the settings name."""

    def counting(self, home: Home) -> "Sealing":
        """Return the same, which counts down what lies in the stores of *home* too.

        And keeps up with the authority that it has joined.
        """
        expiries, further = Expiries(home.stores, self.clock).seconds_left, self.further
        counting = replace(self, further=lambda: {**expiries(), **further()})
        ending = Ending(counting.seconds_left)
        tasks = (*self.tasks, *keeping_up(home, self.clock), ending.run)
        return replace(counting, tasks=tasks)

    async def probe(self) -> None:
        """Raise `Unavailable` if what is presented has expired."""
        if self.context and self.context.credential.chain.not_after < self.clock():
            raise Unavailable("The certificate that is presented has expired.")

    def seconds_left(self) -> dict[str, float]:
        """Return the seconds to the end of each certificate, by where it is kept."""
        left = self.certification.seconds_left()
        now = self.clock()
        if self.authority is not None:
            if ROOT not in self.authority.entries():
                with suppress(NotFound):  # its key may be kept elsewhere
                    ends = self.authority.read_certificate(ROOT).not_valid_after_utc
                    left[f"authority-{ROOT}"] = (ends - now).total_seconds()
            for entry in self.authority.entries():
                chain = self.authority.read(entry).chain
                left[f"authority-{entry}"] = (chain.not_after - now).total_seconds()
        if self.context is not None:
            served = self.context.credential.chain.not_after
            left[self.context.role.value] = (served - now).total_seconds()
        return {**self.further(), **left}

    def watching(self, sockets: Sequence[socket.socket]) -> list[Task]:
        """Return what keeps up what is presented on *sockets*, and sees to it that it is."""
        context, kept = self.context, self.kept
        if context is None or kept is None:
            return list(self.tasks)
        address, port = sockets[0].getsockname()[:2]
        reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
        check = PresentedCheck((reached, port), lambda: context.credential.chain.names[0], kept)
        return [*self.tasks, check.run]


def read_elsewhere(
    store: FileStore, role: Role, source: str, read: Callable[[], Credential], clock: Clock
) -> tuple[Certification, Callable[[], Chain]]:
    """Return how a credential is shown that is not kept in *store*, and what reads its chain."""

    def chain() -> Chain:
        return read().chain

    kept = Kept(role.value, source, read=chain)
    return Certification(store, {role.value: kept}, clock), chain


def unsealed_listener(home: Home, clock: Clock) -> Sealing:
    """Return the sealing of a listener for which plain HTTP was chosen."""
    store = FileStore(home.certificates)
    return Sealing(store, None, None, Certification(store, {}, clock), (), None, clock)
