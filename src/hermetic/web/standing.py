"""The state of a web node and of what stands behind it, as `/status` tells it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hermetic.client.execution import Capacity
from hermetic.node.health import Finding, Health
from hermetic.wire import status
from hermetic.wire.messages import Status


@dataclass(frozen=True)
class Standing:
    """Puts the state of a web node together whenever it is asked.

    Args:
        health: Of its checks, `workers` and `database` have a place of their own.
        backends: Gives the compute nodes by their address.
        providers: Gives who vouches for users, by name.
        database: The kind of the database, and its name.
    """

    health: Health
    backends: Callable[[], Mapping[str, Status]]
    providers: Callable[[], Mapping[str, Status]]
    database: tuple[str, str]

    def __call__(self) -> Status:
        """Return the state at this moment; the whole is as well as the worst of its parts."""
        found = {one.name: one for one in self.health.findings()}
        is_open = _passed(found.get("database"))
        kind, name = self.database
        nodes = dict(self.backends())
        return status.whole(
            {
                "backends": status.whole(nodes, status_code=_together(nodes)),
                "authentication": status.whole(dict(self.providers())),
                "database": status.leaf(
                    status.code(passed=is_open),
                    type=kind,
                    name=name,
                    state="Open" if is_open else "Closed",
                ),
            },
            logPath="",
        )


def local_backend(health: Health, capacity: Callable[[], Capacity]) -> Mapping[str, Status]:
    """Return the workers of this machine as the one compute node there is."""
    found = {one.name: one for one in health.findings()}
    now = capacity()
    return {
        "local": status.pool(
            status.code(passed=_passed(found.get("workers"))),
            most=now.most,
            busy=now.busy,
            workers=now.workers,
        )
    }


def _together(nodes: Mapping[str, Status]) -> str:
    """Return the state of all compute nodes: while one answers, calls are answered."""
    codes = {one.status_code for one in nodes.values()}
    if not codes or codes == {status.FAIL}:
        return status.FAIL
    return status.PASS if codes == {status.PASS} else status.WARN


def _passed(finding: Finding | None) -> bool:
    return finding is not None and finding.passed
