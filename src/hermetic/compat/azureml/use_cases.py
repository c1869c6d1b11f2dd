"""What a node can do for clients of Azure ML, as the face is given it."""

from collections.abc import Callable
from dataclasses import dataclass

from hermetic.errors import HermeticError
from hermetic.gateway.access import Access
from hermetic.gateway.computes import Computes
from hermetic.gateway.deployments import Deployments
from hermetic.gateway.journal import Journal
from hermetic.gateway.models import Models
from hermetic.gateway.operations import Operations
from hermetic.gateway.placing import Placing
from hermetic.gateway.uploads import Uploads
from hermetic.log import logger

log = logger(__name__)


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

    async def sweep(self) -> None:
        """Forget uploaded files that nothing refers to any more; to be called now and then."""
        kept = await self.models.uploads() | self.deployments.uploads()
        try:
            await self.uploads.sweep(kept)
        except HermeticError as error:  # a full disk, or a database that is away: later, then
            log.warning("artifact.not_swept", cause=error.text)
