"""An execution that answers without a process: adds two numbers, or does what the path says."""

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from hermetic.client.execution import Answer, Capacity, Loaded
from hermetic.errors import HermeticError, ServiceNotFound, ServiceUnloadable, Unavailable
from hermetic.serving.service import Service, ServiceKey

Answering = Callable[[Answer], None]


class InstantExecution:
    """Answers each call on the spot, except those it was told to hold or to fail."""

    def __init__(self) -> None:
        self.placed: dict[ServiceKey, Service] = {}
        self.calls: list[tuple[ServiceKey, bytes]] = []
        self.held: list[tuple[ServiceKey, bytes, Answering]] = []
        self.abandoned: list[int] = []
        self.within_s = 0.0
        self.holds = False
        self.alive = True
        self.failure: HermeticError | None = None
        self.long_answer: bytes | None = None
        self.arrived = asyncio.Event()

    def place(self, service: Service, folder: Path | None) -> None:
        self.placed[service.key] = service

    def withdraw(self, key: ServiceKey) -> None:
        self.placed.pop(key, None)

    async def check(self, service: Service, folder: Path | None) -> Loaded:
        if "raise" in service.entry.code:
            raise ServiceUnloadable("The service's code raised while it was loaded.", "Traceback")
        return Loaded("")

    def submit(
        self,
        key: ServiceKey,
        body: bytes,
        answer: Answering,
        request_id: bytes = b"",
        within_s: float = 0.0,
    ) -> int:
        self.calls.append((key, body))
        self.within_s = within_s
        self.arrived.set()
        if self.holds:
            self.held.append((key, body, answer))
        else:
            answer(self._answer(key, body))
        return len(self.calls)

    def abandon(self, ticket: int) -> None:
        self.abandoned.append(ticket)

    def release(self) -> None:
        """Answer the oldest call that is held."""
        key, body, answer = self.held.pop(0)
        answer(self._answer(key, body))

    async def probe(self) -> None:
        if not self.alive:
            raise Unavailable("No worker answers.")

    def capacity(self) -> Capacity:
        return Capacity(workers=2, busy=len(self.held), queued=0, most=2)

    def _answer(self, key: ServiceKey, body: bytes) -> Answer:
        if key not in self.placed:
            return Answer(b"", ServiceNotFound(key.name, key.version), 0.0, 0.0)
        if self.failure is not None:
            return Answer(b"", self.failure, 0.0, 0.0)
        if self.long_answer is not None:
            return Answer(self.long_answer, None, 0.001, 0.002)
        return Answer(summed(body), None, 0.001, 0.002)


def summed(body: bytes) -> bytes:
    """Return what a service answers that adds its inputs; it raises when there is text."""
    inputs: Mapping[str, object] = json.loads(body or b"{}")
    numbers = [value for value in inputs.values() if isinstance(value, int | float)]
    good = len(numbers) == len(inputs)
    answer: dict[str, object] = {
        "success": good,
        "errorMessage": "" if good else "TypeError",
        "outputParameters": {"answer": sum(numbers)} if good else {},
        "outputFiles": {},
        "consoleOutput": "",
        "changedFiles": [],
    }
    return json.dumps(answer).encode()
