"""Services, whatever their kind."""

import builtins
import json
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from azureml.core._node import Json, Refused, refusal
from azureml.core._operations import ended
from azureml.core._patching import asked_for, item
from azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from azureml.core._inference import InferenceConfig
    from azureml.core.model import Model
    from azureml.core.workspace import Workspace

_KINDS = ("ACI", "AKS", "AKSENDPOINT", "IOT", "MIR")
_SERVICE = "Model Management Service"
_KEYS = {"primary": "Primary", "secondary": "Secondary"}


class Webservice:
    """A service of a workspace; the class, called, returns one of the kind it is."""

    _compute_type = "Unknown"

    def __new__(cls, workspace: "Workspace", name: str) -> "Webservice":
        """Return the service *name*.

        Raises:
            WebserviceException: There is none (its message begins with `WebserviceNotFound`).
        """
        return of(workspace, _found(workspace, name))

    def __init__(self, workspace: "Workspace", name: str) -> None:
        """Do nothing more: it was read when it was made."""

    def _load(self, workspace: "Workspace", body: Json) -> None:
        self.workspace, self._body = workspace, body
        self.name: str = body["name"]
        self.compute_type: str = body["computeType"]
        self.state: str | None = body.get("state")
        self.error: Json | None = body.get("error")
        self.description: str | None = body.get("description")
        self.tags: dict[str, str] = dict(body.get("kvTags") or {})
        self.properties: dict[str, str] = dict(body.get("properties") or {})
        self.created_time: str | None = body.get("createdTime")
        self.updated_time: str | None = body.get("updatedTime")
        self.created_by: Json | None = body.get("createdBy")
        self.image_id: str | None = body.get("imageId")
        self.image_digest: str | None = body.get("imageDigest")
        self.auth_enabled: bool = bool(body.get("authEnabled"))
        self.enable_app_insights: bool = bool(body.get("appInsightsEnabled"))
        self.scoring_uri: str | None = body.get("scoringUri")

    @property
    def swagger_uri(self) -> str | None:
        """Where it says what it takes and returns."""
        uri = self.scoring_uri
        return f"{uri.rpartition('/')[0]}/swagger.json" if uri else None

    @property
    def models(self) -> "builtins.list[Model]":
        """The models it was deployed with."""
        from azureml.core.model import Model

        return [Model._of(self.workspace, one) for one in self._body.get("models") or ()]

    @staticmethod
    def list(
        workspace: "Workspace",
        compute_type: str | None = None,
        image_name: str | None = None,
        image_id: str | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        tags: Sequence[Any] | None = None,
        properties: Sequence[Any] | None = None,
        image_digest: str | None = None,
    ) -> "builtins.list[Webservice]":
        """Return the services that fit; *tags* and *properties* are keys, or pairs with values.

        Raises:
            WebserviceException: There is no such kind, or the node refuses.
        """
        if compute_type and compute_type.upper() not in _KINDS:
            raise WebserviceException(f"{compute_type!r} is no kind: {', '.join(_KINDS)}.")
        asked = {
            "computeType": compute_type,
            "imageName": image_name,
            "imageId": image_id,
            "modelName": model_name,
            "modelId": model_id,
            "tags": asked_for(tags),
            "properties": asked_for(properties),
            "imageDigest": image_digest,
        }
        query = "".join(f"&{key}={quote(value)}" for key, value in asked.items() if value)
        try:
            found = workspace._of_services("GET", f"/services?expand=true{query}").body["value"]
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error
        return [of(workspace, one) for one in found]

    def _follow(self, operation: str) -> None:
        """Let `wait_for_deployment` wait for *operation*."""
        self._operation = operation

    def update_deployment_state(self) -> None:
        """Read it again."""
        self._load(self.workspace, _found(self.workspace, self.name))

    def wait_for_deployment(
        self, show_output: bool = False, timeout_sec: float | None = None
    ) -> None:
        """Wait for the end of what was begun.

        Args:
            show_output: Print what is told meanwhile.
            timeout_sec: How long to wait, in seconds.

        Raises:
            WebserviceException: It failed, or goes on.

        Warns:
            UserWarning: It is called without TLS.
        """
        if not self._operation:
            self.update_deployment_state()
            return
        try:
            done = ended(
                self.workspace._node,
                self._operation,
                show=print if show_output else None,
                within_s=timeout_sec,
            )
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error
        if done is None:
            raise WebserviceException(f"{self.name} is still deployed: {timeout_sec} s are over.")
        self.update_deployment_state()
        state = done["state"]
        if show_output:
            print(f'{self.compute_type} service creation operation finished, operation "{state}"')
        if state != "Succeeded":
            raise WebserviceException(
                f"What was begun with {self.name} ended as {state}; the service is {self.state}."
                f"\nOperation ID: {done['id']}\nMore is told by .get_logs()."
                f"\nError:\n{json.dumps(done.get('error'), indent=2)}"
            )
        if str(self.scoring_uri).startswith("http://"):
            warnings.warn(
                f"{self.name} goes without TLS: everybody on the way can read what is sent to it.",
                stacklevel=2,
            )

    def get_keys(self) -> tuple[str, str]:
        """Return the two keys by which callers are let in."""
        keys = self._asked("listkeys")
        return keys["primaryKey"], keys["secondaryKey"]

    def regen_key(self, key: str, set_key: str | None = None) -> None:
        """Replace a key, and wait until it counts.

        Args:
            key: `Primary` or `Secondary`.
            set_key: What it is to be, if it is not to be chosen.

        Raises:
            WebserviceException: There is no such key, or the node refuses.
        """
        if (which := _KEYS.get(str(key).lower())) is None:
            raise WebserviceException(f"{key!r} is no key: it is Primary or Secondary.")
        self._change("POST", "/regenerateKeys", {"keyType": which, "keyValue": set_key})
        self.wait_for_deployment()

    def get_token(self) -> tuple[str, Any]:
        """Raise `NotImplementedError`: services of this kind have keys alone."""
        return self._no_tokens()

    def get_access_token(self) -> Any:  # there is none
        """Raise `NotImplementedError`: services of this kind have keys alone."""
        return self._no_tokens()

    def _no_tokens(self) -> NoReturn:
        raise NotImplementedError(f"Services of the kind {self.compute_type} have no tokens.")

    def get_logs(self, num_lines: int = 5000, init: bool = False) -> str:
        """Return the last lines that it wrote."""
        path = f"/services/{self.name}/logs?tail={num_lines}&init={init}"
        try:
            return str(self.workspace._of_services("GET", path).body["content"])
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error

    def delete(self) -> None:
        """Delete it, and wait until it is gone."""
        self._change("DELETE", "")
        if self._operation:
            ended(self.workspace._node, self._operation)
        self.state = "Deleting"

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags."""
        self._patch([item("kvTags", {**self.tags, **tags})])
        self.wait_for_deployment()

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags."""
        left = {key: value for key, value in self.tags.items() if key not in tags}
        self._patch([item("kvTags", left)])
        self.wait_for_deployment()

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties."""
        self._patch(added({**self.properties, **properties}))
        self.wait_for_deployment()

    def serialize(self) -> Json:
        """Return it as it was read."""
        told = {name: value for name, value in self._body.items() if name != "kvTags"}
        return {**told, "tags": self.tags, "workspaceName": self.workspace.name}

    def run(self, input_data: str | bytes) -> Any:  # whatever the script returns
        """Call it, as who may read its keys; again where that may help.

        Args:
            input_data: The body, JSON as a rule.

        Raises:
            WebserviceException: It is not there yet, or answers with an error.
            requests.RequestException: It cannot be reached, or is not who it should be.
        """
        if not self.scoring_uri:
            raise WebserviceException(f"{self.name} is {self.state}: it cannot be called.")
        data = input_data.encode() if isinstance(input_data, str) else input_data
        headers = {"content-type": "application/json", "accept": "application/json"}
        answer = self.workspace._node.call(self.scoring_uri, data, headers | self._shown())
        if answer.status_code == 200:
            return answer.json()
        raise WebserviceException(
            f"Received bad response from service:\nResponse Code: {answer.status_code}"
            f"\nHeaders: {dict(answer.headers)}\nContent: {answer.text[:10_000]}",
            answer.status_code,
        )

    def _shown(self) -> dict[str, str]:
        """Return what lets a caller in."""
        return {"authorization": f"Bearer {self.get_keys()[0]}"} if self.auth_enabled else {}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name},"
            f" compute_type={self.compute_type}, state={self.state},"
            f" scoring_uri={self.scoring_uri}, tags={self.tags}, properties={self.properties})"
        )

    def _asked(self, what: str) -> Json:
        try:
            return self.workspace._of_services("POST", f"/services/{self.name}/{what}").body
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error

    def _patch(self, items: "builtins.list[Json]") -> None:
        """Begin to change members."""
        if not items:
            raise WebserviceException("Nothing is to change: say what.")
        self._change("PATCH", "", items)

    def _change(self, method: str, what: str, body: object = None) -> None:
        try:
            path = f"/services/{self.name}{what}"
            self._operation = self.workspace._of_services(method, path, body).operation
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error

    def _image(
        self, inference: "InferenceConfig | None", models: "Sequence[Model] | None"
    ) -> "builtins.list[Json]":
        """Return the items that give it another script, which is sent first, or other models."""
        if inference is None and models is None:
            return []
        if inference is None:
            raise WebserviceException("Other models go with an inference_config: give one too.")
        try:
            image = inference.send(self.workspace, self.models if models is None else models)
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error
        return [item("environmentImageRequest", image)]


def of(workspace: "Workspace", body: Json) -> Webservice:
    """Return a service that was read, of the kind it is."""
    from azureml.core.webservice._elsewhere import UnknownWebservice
    from azureml.core.webservice.aci import AciWebservice
    from azureml.core.webservice.aks import AksWebservice

    kinds: dict[str, type[Webservice]] = {"ACI": AciWebservice, "AKS": AksWebservice}
    made = object.__new__(kinds.get(str(body["computeType"]).upper(), UnknownWebservice))
    made._operation = ""
    made._load(workspace, body)
    return made


def added(properties: Mapping[str, str]) -> list[Json]:
    """Return the items that add properties."""
    return [item(f"properties/{key}", value, "add") for key, value in properties.items()]


def _found(workspace: "Workspace", name: str) -> Json:
    try:
        return workspace._of_services("GET", f"/services/{name}?expand=true").body
    except Refused as error:
        if error.status == 404:
            raise WebserviceException(
                f"WebserviceNotFound: Webservice with name {name} not found in provided workspace",
                404,
            ) from error
        raise refusal(error, WebserviceException, _SERVICE) from error
