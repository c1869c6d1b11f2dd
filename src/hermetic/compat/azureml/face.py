"""All addresses of the face of Azure ML, from what it can do."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hermetic.clock import Clock
from hermetic.compat.azureml.cloud import CloudApi
from hermetic.compat.azureml.computes import ComputesApi
from hermetic.compat.azureml.deploying import DeployingApi
from hermetic.compat.azureml.environment import EnvironmentApi
from hermetic.compat.azureml.files import FilesApi, StorageApi
from hermetic.compat.azureml.models import ModelsApi
from hermetic.compat.azureml.sas import Signing
from hermetic.compat.azureml.scoring import ScoringApi
from hermetic.compat.azureml.services import ServicesApi
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.telling import Telling
from hermetic.compat.azureml.use_cases import UseCases
from hermetic.compat.azureml.workspace import Reached, Workspace
from hermetic.http.limits import WireLimits


@dataclass(frozen=True)
class Face:
    """What clients of Azure ML see of an installation.

    Args:
        workspace: The one workspace there is.
        reached: How what is deployed is reached.
        cases: What can be done.
        storage_key: What addresses of uploaded files are signed with.
    """

    workspace: Workspace
    reached: Reached
    cases: UseCases
    storage_key: bytes = field(repr=False)
    clock: Clock
    limits: WireLimits

    def control(self) -> Sequence[Address]:
        """Return the addresses of the control plane."""
        workspace, cases, clock, limits = self.workspace, self.cases, self.clock, self.limits
        return [
            *CloudApi(workspace, cases.access.exchange, clock).addresses(),
            *EnvironmentApi(workspace, self.reached, cases.access, cases.authority).addresses(),
            *ComputesApi(
                workspace, self.reached, cases.computes, cases.operations, clock, limits
            ).addresses(),
            *FilesApi(workspace, cases.uploads, self._signing, clock, limits).addresses(),
            *ModelsApi(workspace, cases.models, clock, limits).addresses(),
            *DeployingApi(workspace, cases.deployments, clock, limits).addresses(),
            *ServicesApi(workspace, cases, self._telling).addresses(),
        ]

    def storage(self) -> Sequence[Address]:
        """Return the addresses of the storage, which has a host name of its own."""
        return StorageApi(self.cases.uploads, self._signing, self.clock, self.limits).addresses()

    def scoring(self, *, sealed: bool) -> Sequence[Address]:
        """Return the addresses at which deployments are called, with TLS or without."""
        return ScoringApi(self.cases.placing, self._telling, sealed=sealed).addresses()

    @property
    def _signing(self) -> Signing:
        return Signing(self.storage_key)

    @property
    def _telling(self) -> Telling:
        computes = self.cases.computes
        return Telling(self.workspace, self.reached, lambda name: computes.find(name).tls)
