"""What a client asks before anything else: which cloud this is, a token, and the workspace."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from hermetic.clock import Clock
from hermetic.compat.azureml.table import Address
from hermetic.compat.azureml.workspace import Base, Workspace
from hermetic.errors import Unauthenticated
from hermetic.gateway.access import AccessToken
from hermetic.http.endpoint import json

CLOUD = "AzureCloud"  # the name that `AZUREML_CURRENTCLOUD` gives; clients know it
_SERVICES = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio")
OPEN = ("/metadata/endpoints", "/msi/token", "/discovery")


def base_of(request: Request) -> Base:
    """Return what *request* was sent to."""
    return Base(request.scope["scheme"], request.headers.get("host", "localhost"))


@dataclass(frozen=True)
class CloudApi:
    """Answers those questions; *exchange* gives a token for a secret."""

    workspace: Workspace
    exchange: Callable[[str], Awaitable[AccessToken]]
    clock: Clock

    def addresses(self) -> list[Address]:
        """Return what can be asked."""
        return [
            Address("GET", "/metadata/endpoints", self._clouds),
            Address("GET", "/msi/token", self._token),
            Address("POST", "/msi/token", self._token),
            Address("GET", "/discovery", self._discovery),
            Address("GET", "/subscriptions", self._subscriptions),
            Address("GET", "/arm", self._workspace),
        ]

    async def _clouds(self, request: Request) -> Response:
        url = base_of(request).url
        return json(
            [
                {
                    "name": CLOUD,
                    "resourceManager": url,
                    "portal": url,
                    "authentication": {
                        "loginEndpoint": f"{url}/adfs",
                        "audiences": [url, f"{url}/"],
                        "tenant": self.workspace.tenant,
                        "identityProvider": "ADFS",
                    },
                    "graphAudience": url,
                    "graph": url,
                    "batch": url,
                    "gallery": url,
                    "sqlManagement": url,
                    "vmImageAliasDoc": url,
                    "media": url,
                    "suffixes": {
                        "storage": self.workspace.domain,
                        "keyVaultDns": f".vault.{self.workspace.domain}",
                        "acrLoginServer": f".azurecr.{self.workspace.domain}",
                        "sqlServerHostname": f".database.{self.workspace.domain}",
                    },
                }
            ]
        )

    async def _token(self, request: Request) -> Response:
        # In a header and not in the form: what a client of this endpoint sends as its secret.
        secret = request.headers.get("secret", "")
        if not secret:
            raise Unauthenticated(
                "Set MSI_SECRET and APPSETTING_WEBSITE_SITE_NAME, as `hermetic azureml env` prints"
                " them: the client then says who it is."
            )
        token = await self.exchange(secret)
        seconds = int((token.expires_at - self.clock()).total_seconds())
        return json(
            {
                "access_token": token.token,
                "client_id": self.workspace.tenant,
                "expires_in": str(seconds),
                "expires_on": str(int(token.expires_at.timestamp())),
                "resource": request.query_params.get("resource", ""),
                "token_type": "Bearer",
            }
        )

    async def _subscriptions(self, request: Request) -> Response:
        one = self.workspace
        return json(
            {
                "value": [
                    {
                        "id": f"/subscriptions/{one.subscription}",
                        "subscriptionId": one.subscription,
                        "displayName": "Hermetic",
                        "state": "Enabled",
                        "tenantId": one.tenant,
                    }
                ]
            }
        )

    async def _workspace(self, request: Request) -> Response:
        one = self.workspace
        return json(
            {
                "id": one.id,
                "name": one.name,
                "type": "Microsoft.MachineLearningServices/workspaces",
                "location": one.region,
                "tags": {},
                "sku": {"name": "Basic", "tier": "Basic"},
                "identity": {
                    "type": "SystemAssigned",
                    "principalId": one.tenant,
                    "tenantId": one.tenant,
                },
                "properties": {
                    "friendlyName": one.name,
                    "workspaceId": one.subscription,
                    "discoveryUrl": f"{base_of(request).url}/discovery",
                    "provisioningState": "Succeeded",
                    "storageAccount": f"{one.id}/storage/{one.account}",
                    "keyVault": f"{one.id}/keyVault",
                    "applicationInsights": f"{one.id}/insights",
                    "hbiWorkspace": False,
                },
            }
        )

    async def _discovery(self, request: Request) -> Response:
        return json(dict.fromkeys(_SERVICES, base_of(request).url))
