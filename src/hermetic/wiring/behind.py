"""What stands behind the web of a node."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from hermetic.client.execution import Execution
from hermetic.gateway.routing import Routes
from hermetic.node.health import Health, Probe
from hermetic.node.metrics import Counted
from hermetic.web.cases import UseCases
from hermetic.web.scoring import Refusing
from hermetic.wire.messages import Status


def _as_it_is(app: ASGIApp) -> ASGIApp:
    return app


@dataclass(frozen=True)
class Behind:
    """What stands behind the web of a node.

    Args:
        probes: What has to be well for the node to be ready, by name.
        advisory: What is told beside, and may be away.
        backends: Gives the compute nodes for `/status`, from what the probes found.
        providers: Gives who vouches for users.
        database: The kind of the database, and its name.
        restarts: Counts workers of this machine, if there are any.
        around: Puts something in front of the application.
        refusing: Tells who may not call what is answered there; see `Scoring`.
    """

    cases: UseCases
    routes: Routes
    execution: Execution
    probes: Mapping[str, Probe]
    backends: Callable[[Health], Mapping[str, Status]]
    providers: Callable[[], Mapping[str, Status]]
    database: tuple[str, str]
    restarts: Counted | None = None
    advisory: Mapping[str, Probe] = field(default_factory=dict)
    around: Callable[[ASGIApp], ASGIApp] = _as_it_is
    refusing: Refusing | None = None
