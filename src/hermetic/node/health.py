"""Whether a node can do its work, proved by doing a little of it.

Readiness never rests on what should be true: twice a second a self-test goes through a worker
and a question to the database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from hermetic.errors import HermeticError
from hermetic.log import logger

log = logger(__name__)

Probe = Callable[[], Awaitable[None]]
"""Asks one part of the node a question; returns if it answered, raises if it cannot."""


@dataclass(frozen=True)
class Finding:
    """What one check found last; `text` is a sentence.

    The node is ready without one that does not count: it is worse off, and can do its work.
    """

    name: str
    passed: bool
    text: str
    counts: bool = True


class Health:
    """Asks the probes again and again, and says what they answered last.

    Args:
        probes: By name; all are asked at the same time.
        advisory: Further ones, without which the node is ready nevertheless.
        period_s: How long to wait between two rounds.
        deadline_s: How long a probe may take; later is a failure.
    """

    def __init__(
        self,
        probes: Mapping[str, Probe],
        *,
        advisory: Mapping[str, Probe] | None = None,
        period_s: float = 0.5,
        deadline_s: float = 1.0,
    ) -> None:
        self._advisory = frozenset(advisory or ())
        self._probes = {**probes, **(advisory or {})}
        self._period_s, self._deadline_s = period_s, deadline_s
        self._found = {name: self._finding(name, "Not asked yet.") for name in self._probes}
        self._asked_at = float("-inf")
        self._draining = False
        self._task: asyncio.Task[None] | None = None
        self._was_ready: bool | None = None

    async def start(self) -> None:
        """Ask all probes once, then begin to ask them regularly."""
        await self.check()
        self._task = asyncio.create_task(self._run(), name="health")

    async def stop(self) -> None:
        """Ask no longer."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def drain(self) -> None:
        """Be unready from now on: the node is about to stop."""
        self._draining = True

    @property
    def ready(self) -> bool:
        """Whether calls sent now would be answered."""
        return all(one.passed for one in self.findings() if one.counts)

    def findings(self) -> list[Finding]:
        """Return one finding per check, those of the node itself first."""
        node = (
            Finding("node", False, "The node is stopping.")
            if self._draining
            else Finding("node", True, "The node takes requests.")
        )
        # A round that hangs, whatever the reason, makes what it would have renewed worthless.
        age_s = asyncio.get_running_loop().time() - self._asked_at
        if age_s > self._period_s + 2 * self._deadline_s:
            late = f"Nothing was asked for {age_s:.1f} s."
            return [node, *(self._finding(name, late) for name in self._found)]
        return [node, *self._found.values()]

    async def check(self) -> None:
        """Ask all probes at once and keep what they answer."""
        for finding in await asyncio.gather(*map(self._ask, self._probes.items())):
            self._found[finding.name] = finding
        self._asked_at = asyncio.get_running_loop().time()
        ready = self.ready
        if ready is not self._was_ready and self._was_ready is not None:
            failed = [one.name for one in self.findings() if not one.passed]
            (log.info if ready else log.warning)("node.readiness", ready=ready, failed=failed)
        self._was_ready = ready

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._period_s)
            await self.check()

    async def _ask(self, named: tuple[str, Probe]) -> Finding:
        name, probe = named
        try:
            async with asyncio.timeout(self._deadline_s):
                await probe()
        except TimeoutError:
            return self._finding(name, f"No answer within {self._deadline_s:g} s.")
        except HermeticError as error:
            return self._finding(name, error.text)
        except Exception:
            # A check is one of the five borders: whatever breaks a probe, the node is unready
            # and goes on asking.
            log.exception("node.check_failed", check=name)
            return self._finding(name, "It failed; the node's log says why.")
        return self._finding(name, "It answers.", passed=True)

    def _finding(self, name: str, text: str, *, passed: bool = False) -> Finding:
        return Finding(name, passed, text, name not in self._advisory)
