"""What a client needs in its environment to speak to this installation; not of the original."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from hermetic.compat.azureml.cloud import CLOUD, base_of
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.workspace import Reached, Workspace
from hermetic.gateway.access import Access
from hermetic.http.endpoint import json, principal_of

PATH, WORKSPACE = "/azureml/environment", "/azureml/workspace"


@dataclass(frozen=True)
class EnvironmentApi:
    """Gives whoever logged in the variables that let a client act for them."""

    workspace: Workspace
    reached: Reached
    access: Access
    authority: Callable[[], bytes]

    def addresses(self) -> list[Address]:
        """Return what can be asked."""
        return [
            Address("POST", PATH, self._environment),
            Address("GET", WORKSPACE, self._workspace),
        ]

    async def _workspace(self, request: Request) -> Response:
        return json({**self._names(), "region": self.workspace.region})

    def _names(self) -> dict[str, str]:
        one = self.workspace
        return {
            "subscription_id": one.subscription,
            "resource_group": one.group,
            "workspace_name": one.name,
        }

    async def _environment(self, request: Request) -> Response:
        base, one = base_of(request), self.workspace
        authority = await asyncio.to_thread(self.authority)
        secret = await self.access.delegate(principal_of(request))
        return json(
            {
                "variables": {
                    "ARM_CLOUD_METADATA_URL": f"{base.url}/metadata/endpoints",
                    "AZUREML_CURRENT_CLOUD": CLOUD,
                    "MSI_ENDPOINT": f"{base.url}/msi/token",
                    "MSI_SECRET": secret,
                    # With it the client sends the secret; without, it would send nothing at all.
                    "APPSETTING_WEBSITE_SITE_NAME": "hermetic",
                    "AZUREML_LOG_DEPRECATION_WARNING_ENABLED": "False",
                },
                "config": self._names(),
                "authority": authority.decode(),
                "names": [one.storage_host, f"name.{one.region}.{one.domain}"],
                "address": self.reached.address,
            }
        )
