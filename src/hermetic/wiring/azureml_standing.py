"""What the face of Azure ML stands on: one box, or a web node that is alone."""

from dataclasses import dataclass

from hermetic.client.execution import Execution
from hermetic.config.settings import Settings
from hermetic.config.web import WebSettings
from hermetic.gateway.access import Access
from hermetic.log import logger
from hermetic.wiring.keeping import Kept
from hermetic.wiring.parts import Parts
from hermetic.wiring.webparts import WebParts

log = logger(__name__)


@dataclass(frozen=True)
class Standing:
    """What is kept, who runs code, who is let in, and where the node listens.

    `unpacks` is whether bundles are unpacked here, and not where code runs.
    """

    settings: Settings | WebSettings
    kept: Kept
    execution: Execution
    access: Access
    interface: str
    port: int
    unpacks: bool = True

    def carries(self) -> bool:
        """Whether there can be a face: several web nodes do not tell each other of it yet."""
        settings = self.settings
        if not settings.azureml.enabled:
            return False
        if isinstance(settings, WebSettings) and settings.connection_strings.postgresql.enabled:
            log.info("azureml.not_here", reason="the database may be shared with other web nodes")
            return False
        return True


def on_box(settings: Settings, parts: Parts, port: int) -> Standing:
    """Return what there is on one box, which listens on *port*."""
    access, interface = parts.offer.access, settings.kestrel.host
    return Standing(settings, parts.kept, parts.execution, access, interface, port)


def on_web_node(settings: WebSettings, parts: WebParts, port: int) -> Standing:
    """Return what there is on a web node, which listens on *port*; code runs on compute nodes."""
    return Standing(
        settings,
        parts.kept,
        parts.farm.forwarding,
        parts.offer.access,
        settings.kestrel.interface,
        port,
        unpacks=False,
    )
