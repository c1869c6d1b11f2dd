"""Proofs of names that all web nodes show, since the ACME server may ask any of them.

Whose order it is writes down what it shows; the others look every other second, and show it too.
It is told to the server once all had the time to.  The proofs of an order end with it; those of a
node that died end by themselves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from hermetic.clock import Clock
from hermetic.errors import HermeticError
from hermetic.issuers.acme.order import Proof
from hermetic.issuers.acme.proving import Prover
from hermetic.log import logger
from hermetic.node.sharing import LOOK_S, Shared
from hermetic.registry.sealed import Documents

_PROOFS = "proofs"
_TAKEN_IN_S = 2.5 * LOOK_S
"""After so long every node has looked, and shows what it found."""
_LONGEST = timedelta(minutes=15)
"""No order goes on for longer: what is shown since then was left behind."""

log = logger(__name__)


@dataclass(frozen=True)
class _Noted:
    """A proof, by which of the provers it is shown, and until when."""

    by: int
    proof: Proof
    until: datetime


class SharedProofs:
    """What is shown by one of *provers*, here and on every other node that has the same.

    Args:
        provers: In the same order on every node.
        pause: Waits for some seconds of the event loop's time.
    """

    def __init__(
        self,
        shared: Shared,
        provers: Sequence[Prover],
        clock: Clock,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._shared, self._provers, self._clock, self._pause = shared, provers, clock, pause
        self._ours: dict[str, _Noted] = {}
        self._theirs: dict[str, _Noted] = {}
        self._told: dict[str, _Noted] = {}
        self._version = 0
        self._alone = asyncio.Lock()

    def provers(self) -> list[Prover]:
        """Return provers that show on every node what the plain ones show here."""
        return [_Everywhere(self, number, one) for number, one in enumerate(self._provers)]

    async def show(self, by: int, proof: Proof) -> None:
        """Show *proof* here, let the others show it, and give them the time to."""
        await self._provers[by].present(proof)
        self._ours[_key(by, proof)] = _Noted(by, proof, self._clock() + _LONGEST)
        await self._tell()
        await self._pause(_TAKEN_IN_S)

    async def hide(self, by: int, proof: Proof) -> None:
        """Show *proof* no more, here or elsewhere."""
        self._ours.pop(_key(by, proof), None)
        await self._provers[by].withdraw(proof)
        await self._tell()

    async def sweep(self) -> None:
        """Let no node show any longer what one that died had shown."""
        _, left = await self._shared.sealed.read(self._shared.named(_PROOFS))
        if left:
            await self._tell()

    async def follow(self) -> None:
        """Show what another node's order has to show; a port that is taken here is told."""
        name = self._shared.named(_PROOFS)
        if await self._shared.sealed.version(name) != self._version:
            self._version, documents = await self._shared.sealed.read(name)
            self._told = _read(documents)
        now = self._clock()
        wanted = {
            key: one
            for key, one in self._told.items()
            if key not in self._ours and now < one.until <= now + _LONGEST + _LONGEST
        }
        for key in [one for one in self._theirs if one not in wanted]:
            gone = self._theirs.pop(key)
            if key not in self._ours:  # an order that was gone on with here shows the same
                await self._withdraw(gone)
        for key, one in wanted.items():
            if key not in self._theirs and one.by < len(self._provers):
                self._theirs[key] = one
                await self._present(one)

    async def _tell(self) -> None:
        async with self._alone:
            documents = {key: msgspec.json.encode(one) for key, one in self._ours.items()}
            await asyncio.to_thread(self._shared.write, _PROOFS, documents)

    async def _present(self, one: _Noted) -> None:
        try:
            await self._provers[one.by].present(one.proof)
            log.info("acme.shown_for_another", name=one.proof.name, kind=one.proof.kind)
        except HermeticError as error:
            log.warning("acme.not_shown", name=one.proof.name, text=error.text)

    async def _withdraw(self, one: _Noted) -> None:
        try:
            await self._provers[one.by].withdraw(one.proof)
        except HermeticError as error:
            log.warning("acme.not_withdrawn", name=one.proof.name, text=error.text)


class _Everywhere:
    """A `Prover` that shows on every node."""

    def __init__(self, proofs: SharedProofs, number: int, here: Prover) -> None:
        self._proofs, self._number, self._here = proofs, number, here

    @property
    def kind(self) -> str:
        """The type of the challenge."""
        return self._here.kind

    async def present(self, proof: Proof) -> None:
        """Show *proof* on every node."""
        await self._proofs.show(self._number, proof)

    async def sweep(self) -> None:
        """Take away what was left behind, here and elsewhere."""
        await self._here.sweep()
        await self._proofs.sweep()

    async def withdraw(self, proof: Proof) -> None:
        """Show *proof* no more."""
        await self._proofs.hide(self._number, proof)


def _read(documents: Documents) -> dict[str, _Noted]:
    try:
        return {
            key: msgspec.json.decode(document, type=_Noted) for key, document in documents.items()
        }
    except msgspec.MsgspecError as error:  # of a node that is newer, while they are exchanged
        log.warning("acme.not_shown", name="", text=f"Another node writes proofs anew: {error}.")
        return {}


def _key(by: int, proof: Proof) -> str:
    return f"{by} {proof.name} {proof.token}"
