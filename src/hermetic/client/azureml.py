"""What our own command asks of the face of Azure ML: computes, services, models, and operations."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from hermetic.client.api import Client
from hermetic.errors import DeadlineExceeded, HermeticError
from hermetic.wire.problems import kinds

_PROVIDER = "providers/Microsoft.MachineLearningServices/workspaces"
_ASK_AGAIN_S = 0.2
_WITHIN_S = 1800.0
_ENDED = {"Succeeded", "Failed", "Canceled", "Cancelled", "TimedOut"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Door:
    """By which name and at which address callers reach what is deployed."""

    name: str
    """ "" for what is called by its address."""
    address: str
    uri: str = ""
    """Where a service is called; "" for a compute, and for one that answers nobody now."""


class AzureMl:
    """A workspace, as *client* speaks to it."""

    def __init__(
        self,
        client: Client,
        told: Mapping[str, str],
        *,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        """Speak of the workspace that *told* names; what it leaves out is the installation's own.

        Args:
            client: Somebody who is logged in.
            told: `subscription_id`, `resource_group`, `workspace_name`.
            pause: Waits for some seconds.
        """
        own = client.azureml_workspace()
        known = {name: told.get(name) or own[name] for name in own}
        self.id = (
            f"/subscriptions/{known['subscription_id']}/resourceGroups/{known['resource_group']}"
            f"/{_PROVIDER}/{known['workspace_name']}"
        )
        self.location = known["region"]
        self.name = known["workspace_name"]
        self.client, self._pause = client, pause
        self._services = f"/modelmanagement/v1.0{self.id}"

    def computes(self) -> list[Json]:
        """Return all computes."""
        found: list[Json] = self._ask("GET", f"{self.id}/computes")["value"]
        return found

    def compute(self, name: str) -> Json:
        """Return one compute, or raise `NotFound`."""
        return self._ask("GET", f"{self.id}/computes/{name}")

    def put_compute(self, name: str, body: Json, *, wait: bool = True) -> Json:
        """Create, attach or change a compute; return it as it is then."""
        self._done(self._begin("PUT", f"{self.id}/computes/{name}", body), wait=wait)
        return self.compute(name) if wait else {"name": name, "provisioningState": "Updating"}

    def remove_compute(self, name: str, action: str) -> None:
        """Let a compute be deleted (*action* `delete`), or detached (`detach`)."""
        path = f"{self.id}/computes/{name}?underlyingResourceAction={action}"
        self._done(self._begin("DELETE", path))

    def credentials(self, name: str) -> Json:
        """Return what there is to speak to the cluster behind a compute."""
        return self._ask("POST", f"{self.id}/computes/{name}/listKeys")

    def services(self, query: str = "") -> list[Json]:
        """Return the services that *query* asks for."""
        found: list[Json] = self._ask("GET", f"{self._services}/services?expand=true{query}")[
            "value"
        ]
        return found

    def deploy(self, body: Json, *, wait: bool = True) -> Json:
        """Deploy the service that *body* describes; return it as it is then."""
        operation = self._begin("POST", f"{self._services}/services", body)
        self._done(operation, wait=wait)
        return self.service(body["name"])

    def patch_service(self, name: str, items: list[Json], *, wait: bool = True) -> Json:
        """Change a service by a JSON patch; return it as it is then."""
        operation = self._begin("PATCH", f"{self._services}/services/{name}", items)
        self._done(operation, wait=wait)
        return self.service(name)

    def service(self, name: str) -> Json:
        """Return one service, or raise `NotFound`."""
        return self._ask("GET", f"{self._services}/services/{name}")

    def delete_service(self, name: str) -> None:
        """Delete a service; raises `NotFound`."""
        self.service(name)
        self._done(self._begin("DELETE", f"{self._services}/services/{name}"))

    def of_service(self, name: str, what: str) -> Json:
        """Return the `listkeys` or the `token` of a service."""
        return self._ask("POST", f"{self._services}/services/{name}/{what}")

    def regenerate_key(self, name: str, which: str, value: str | None) -> Json:
        """Replace a key of a service by *value*, or by a new one; return both."""
        body = {"keyType": which, "keyValue": value}
        self._done(self._begin("POST", f"{self._services}/services/{name}/regenerateKeys", body))
        return self.of_service(name, "listkeys")

    def log(self, name: str, lines: int) -> str:
        """Return the last lines that a service wrote."""
        path = f"{self._services}/services/{name}/logs?tail={lines}"
        return str(self._ask("GET", path)["content"])

    def door_of_compute(self, name: str) -> Door:
        """Return how what is on the compute *name* is reached, or raise `NotFound`."""
        told = self.compute(name)["properties"]["properties"]
        front = told["systemServices"][0]
        return Door(told["sslConfiguration"]["cname"] or "", str(front["publicIpAddress"]))

    def door_of_service(self, name: str) -> Door:
        """Return how the service *name* is reached, or raise `NotFound`."""
        told = self.service(name)
        uri = str(told.get("scoringUri") or "")
        if told["computeType"] == "ACI":
            return Door(str(told["publicFqdn"] or ""), str(told["publicIp"]), uri)
        compute = self.door_of_compute(str(told["computeName"]))
        # One of a sealed compute may still have been left out of that.
        return Door("" if _is_by_address(uri) else compute.name, compute.address, uri)

    def models(self, query: str = "") -> list[Json]:
        """Return the models that *query* asks for."""
        found: list[Json] = self._ask("GET", f"{self._services}/models?count=255{query}")["value"]
        return found

    def model(self, id_: str) -> Json:
        """Return the model `name:version`, or raise `NotFound`."""
        return self._ask("GET", f"{self._services}/models/{id_}")

    def patch_model(self, id_: str, items: list[Json]) -> Json:
        """Change what is said of a model by a JSON patch; return it as it is then."""
        return self._ask("PATCH", f"{self._services}/models/{id_}", items)

    def delete_model(self, id_: str) -> None:
        """Forget a model; raises `NotFound`."""
        self.client.control("DELETE", f"{self._services}/models/{id_}")

    def _ask(self, method: str, path: str, body: object = None) -> Json:
        answer, _ = self.client.control(method, path, body)
        return answer

    def _begin(self, method: str, path: str, body: object = None) -> str:
        """Return where the operation can be asked for that was begun."""
        _, operation = self.client.control(method, path, body)
        return operation

    def _done(self, operation: str, *, wait: bool = True) -> None:
        """Wait for the end of *operation*, and raise what it failed with."""
        waited_s = 0.0
        while wait and operation:
            told = self._ask("GET", operation)
            state = str(told.get("status") or told.get("state"))
            if state in _ENDED:
                _refuse_failed(state, told.get("error"))
                return
            if waited_s > _WITHIN_S:
                raise DeadlineExceeded("The operation goes on, and nobody waits for it any more.")
            self._pause(_ASK_AGAIN_S)
            waited_s += _ASK_AGAIN_S


def _refuse_failed(state: str, error: Mapping[str, Any] | None) -> None:
    if state == "Succeeded":
        return
    told = error or {}
    text = f"{told.get('message') or 'The operation failed.'} ({told.get('code', state)})"
    status = told.get("statusCode")
    narrow = [kind for kind in kinds().values() if kind.status == status]
    made = HermeticError.__new__(narrow[0] if narrow else HermeticError)
    HermeticError.__init__(made, text)
    raise made


def _is_by_address(uri: str) -> bool:
    """Whether what is called at *uri* has no name there, but an address."""
    try:
        ip_address(urlsplit(uri).hostname or "")
    except ValueError:
        return False
    return True
