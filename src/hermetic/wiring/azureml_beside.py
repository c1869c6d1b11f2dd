"""What runs beside a node's server for the face of Azure ML: renewals, and plain HTTP if wanted."""

from collections.abc import Callable
from dataclasses import dataclass

from hermetic.client.execution import Execution
from hermetic.config.sections import Limits as Bounds
from hermetic.node.metrics import Metrics
from hermetic.wiring.azureml_face import AzureMlFace
from hermetic.wiring.life import Task
from hermetic.wiring.plain import PlainListener


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Beside:
    """What runs beside a server, and what is told when that begins to stop."""

    tasks: tuple[Task, ...] = ()
    drained: Callable[[], None] = _nothing


def besides(azure: AzureMlFace, bounds: Bounds, metrics: Metrics, execution: Execution) -> Beside:
    """Return what runs beside the server of *azure*, whose calls *metrics* count."""
    azure.face.cases.placing.count_in(metrics.calls)
    if not azure.plain:
        return Beside((azure.front_ends.run,))
    listener = PlainListener(azure.plain, azure.without_tls(), bounds, execution, metrics)
    return Beside((azure.front_ends.run, listener.run), listener.stop)
