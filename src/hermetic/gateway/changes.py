"""What other web nodes change, taken in here; the `Others` of several web nodes.

Each node looks a few times a second whether something was changed, and writes down how far it
has come.  So whoever changes something can wait until all have taken it in.  The nodes need no
connection to each other, and no clock in common: that a node lives shows in its row changing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from hermetic.clock import Clock
from hermetic.errors import HermeticError, Unavailable
from hermetic.log import logger
from hermetic.registry.revisions import Kind, Revisions
from hermetic.registry.web_nodes import FORGOTTEN_AFTER, WebNode, WebNodes

log = logger(__name__)

PERIOD_S = 0.25
"""How often to look: a change holds everywhere within a second."""
_BEAT_S = 1.0
# A row that does not change for so long is that of a node which has died, or hangs.
_SILENT_S = 5.0
_PATIENCE_S = 2.0
_ASK_AGAIN_S = 0.03
# How long a node that cannot read may go on with what it knows: as long as people repair a
# database, and well below the hour of a token.
_BLIND_S = 300.0

Take = Callable[[int], Awaitable[None]]
"""Takes in what was changed of a kind since a revision."""


@dataclass
class _Heard:
    """A node's row as it was read last, and when it changed, by our own loop."""

    node: WebNode
    at: float


class ChangeFeed:
    """Takes in what others change, and waits for others.

    Args:
        me: This node, as it is to be written down.
    """

    exist = True

    def __init__(
        self,
        revisions: Revisions,
        web_nodes: WebNodes,
        me: WebNode,
        clock: Clock,
        *,
        period_s: float = PERIOD_S,
    ) -> None:
        self._revisions, self._web_nodes, self._me = revisions, web_nodes, me
        self._clock, self._period_s = clock, period_s
        self.takers: Mapping[Kind, Take] = {}
        """What to do when something of a kind was changed; set before `start`."""
        self._seen = dict.fromkeys(Kind, 0)
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._heard: dict[str, _Heard] = {}
        self._differing: tuple[str, ...] = ()
        self._read_at = self._beat_at = float("-inf")

    async def start(self) -> None:
        """Take what there is now as seen; MUST be awaited before anything is read into memory."""
        self._seen = await self._revisions.current()
        self._read_at = asyncio.get_running_loop().time()
        await self._beat()

    async def stop(self) -> None:
        """Be waited for by nobody any more."""
        with suppress(HermeticError):
            await self._web_nodes.leave(self._me.id)

    async def run(self) -> None:
        """Look again and again until cancelled; a database that fails is waited for."""
        while True:
            await asyncio.sleep(self._period_s)
            try:
                await self.learn()
                if asyncio.get_running_loop().time() - self._beat_at >= _BEAT_S:
                    await self._beat()
                    await self._listen()
            except HermeticError as error:
                log.warning("changes.unread", reason=error.text)

    async def learn(self) -> None:
        """See `Others.learn`; those who ask while one looks share the next look."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._look())
        await asyncio.shield(self._next)

    async def tell(self) -> None:
        """See `Others.tell`."""
        loop = asyncio.get_running_loop()
        wanted, end = await self._revisions.current(), loop.time() + _PATIENCE_S
        while behind := await self._behind(wanted):
            if loop.time() >= end:
                log.warning("changes.not_taken_in", nodes=behind)
                return
            await asyncio.sleep(_ASK_AGAIN_S)

    async def probe(self) -> None:
        """Raise `Unavailable` once nothing could be read for too long."""
        if asyncio.get_running_loop().time() - self._read_at > _BLIND_S:
            raise Unavailable(
                f"What other web nodes changed could not be read for {_BLIND_S / 60:g} minutes."
            )

    @property
    def differing(self) -> tuple[str, ...]:
        """The addresses of other web nodes that sign tokens with another key than this one."""
        return self._differing

    def others(self) -> list[WebNode]:
        """Return the other web nodes that live, as they told of themselves last."""
        now = asyncio.get_running_loop().time()
        return [one.node for one in self._heard.values() if now - one.at < _SILENT_S]

    async def _look(self) -> None:
        async with self._turn:
            self._next = None  # who asks from now on asks for what is changed from now on
            current, changed = await self._revisions.current(), False
            for kind in Kind:
                if current[kind] != self._seen[kind]:
                    await self.takers[kind](self._seen[kind])
                    self._seen[kind], changed = current[kind], True
            self._read_at = asyncio.get_running_loop().time()
            if changed:
                await self._beat()

    async def _beat(self) -> None:
        self._beat_at = asyncio.get_running_loop().time()
        await self._web_nodes.beat(replace(self._me, beat_at=self._clock(), seen=dict(self._seen)))

    async def _listen(self) -> list[WebNode]:
        """Read the rows of the others, and note whose has changed."""
        now = asyncio.get_running_loop().time()
        rows = await self._web_nodes.alive(FORGOTTEN_AFTER + timedelta(hours=1))
        found = [one for one in rows if one.id != self._me.id]
        for node in found:
            heard = self._heard.get(node.id)
            if heard is None or heard.node.beat_at != node.beat_at:
                self._heard[node.id] = _Heard(node, now)
        for gone in self._heard.keys() - {one.id for one in found}:
            del self._heard[gone]
        self._compare_keys()
        return found

    async def _behind(self, wanted: Mapping[Kind, int]) -> list[str]:
        """Return the addresses of living nodes that have not come as far as *wanted*."""
        await self._listen()
        return [
            node.url
            for node in self.others()
            if any(node.seen[kind] < revision for kind, revision in wanted.items())
        ]

    def _compare_keys(self) -> None:
        mine = self._me.signing_key
        differing = tuple(sorted(one.url for one in self.others() if one.signing_key != mine))
        if differing == self._differing:
            return
        self._differing = differing
        if differing:
            log.error("tokens.signing_keys_differ", here=self._me.url, there=differing)
        else:
            log.info("tokens.signing_keys_agree", here=self._me.url)
