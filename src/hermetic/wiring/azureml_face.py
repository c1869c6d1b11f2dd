"""The face of Azure ML as a node's server and its plain listener are given it."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace

from starlette.types import ASGIApp

from hermetic.compat.azureml.app import AzureMl, Doors, Scoring
from hermetic.compat.azureml.face import Face
from hermetic.compute.environments import Environments
from hermetic.fronts.proxies import Proxies
from hermetic.gateway.access import Access
from hermetic.gateway.frontends import FrontEnds
from hermetic.wiring.behind import Behind
from hermetic.wiring.sealing import Sealing

_HSTS = b"max-age=63072000"  # Two years, as Mozilla's profiles have it.


@dataclass(frozen=True)
class AzureMlFace:
    """What the face of Azure ML adds to a node; *plain* are sockets of the listener without TLS."""

    face: Face
    sealing: Sealing
    front_ends: FrontEnds
    doors: Doors
    plain: Sequence[socket.socket]

    def before(self, behind: Behind) -> Behind:
        """Return *behind* with the face in front of it."""
        return replace(behind, around=self._around, refusing=self.face.cases.placing.refused)

    async def sweep(self, environments: Environments | None) -> None:
        """Clear away uploaded files and *environments*, if they are here, that nothing refers to."""
        await self.face.cases.sweep()
        if environments is not None:
            await environments.sweep(self.face.cases.deployments.environments())

    def _around(self, app: ASGIApp) -> ASGIApp:
        """Return *app* with the face in front of it."""
        return AzureMl(
            app,
            workspace=self.face.workspace,
            placing=self.face.cases.placing,
            control=self.face.control(),
            storage=self.face.storage(),
            scoring=self.face.scoring(sealed=True),
            doors=self.doors,
        )

    def without_tls(self) -> ASGIApp:
        """Return the application of the listener without TLS."""
        return Scoring(self.face.scoring(sealed=False), self.doors.proxies)


def doors_of(access: Access, trusted: Sequence[str]) -> Doors:
    """Return who is let in; *trusted* are the proxies that are believed."""
    return Doors(access.authenticate, access.settle, Proxies.parse(trusted), _HSTS)
