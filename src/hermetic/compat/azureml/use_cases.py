"""What a node can do for clients of Azure ML, as the face is given it."""

from collections.abc import Callable
from dataclasses import dataclass

from hermetic.gateway.access import Access
from hermetic.gateway.computes import Computes
from hermetic.gateway.deployments import Deployments
from hermetic.gateway.journal import Journal
from hermetic.gateway.models import Models
from hermetic.gateway.operations import Operations
from hermetic.gateway.placing import Placing
from hermetic.gateway.uploads import Uploads


@dataclass(frozen=True)
class UseCases:
    """What a node can do; *authority* gives in PEM whom clients are to trust."""

    access: Access
    authority: Callable[[], bytes]
    uploads: Uploads
    models: Models
    operations: Operations
    computes: Computes
    deployments: Deployments
    placing: Placing
    journal: Journal

    async def start(self) -> None:
        """Read what is kept, and answer for it."""
        await self.operations.start()
        await self.computes.start()
        await self.deployments.start()
