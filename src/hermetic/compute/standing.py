"""The state of a compute node, as it tells web nodes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from hermetic.client.execution import Capacity
from hermetic.clock import Clock
from hermetic.gateway.nodes import STARTED, TIME
from hermetic.node.health import Health
from hermetic.wire import status
from hermetic.wire.messages import Status


@dataclass(frozen=True)
class Standing:
    """Puts the state together whenever it is asked; *version* is the product's."""

    health: Health
    capacity: Callable[[], Capacity]
    clock: Clock
    version: str
    started_at: datetime

    def __call__(self) -> Status:
        """Return the state at this moment: bad as soon as one check fails."""
        now, failed = (
            self.capacity(),
            [one for one in self.health.findings() if not one.passed and one.counts],
        )
        details: dict[str, str | int] = {
            "queuedCalls": now.queued,
            TIME: int(self.clock().timestamp() * 1000),
            STARTED: f"{self.started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            "version": self.version,
        }
        if failed:
            details["failed"] = "; ".join(f"{one.name}: {one.text}" for one in failed)
        return status.pool(
            status.code(passed=not failed),
            most=now.most,
            busy=now.busy,
            workers=now.workers,
            **details,
        )
