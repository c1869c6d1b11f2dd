"""The workspace: where everything else is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from azureml.core._node import Answer, Json, Node, Refused, refusal
from azureml.core.authentication import AbstractAuthentication, InteractiveLoginAuthentication
from azureml.exceptions import UserErrorException, WorkspaceException

if TYPE_CHECKING:
    from azureml.core.compute import ComputeTarget
    from azureml.core.model import Model
    from azureml.core.webservice import Webservice

_NAMES = ("subscription_id", "resource_group", "workspace_name")
_FOLDERS = (".azureml", "aml_config", "")


class Workspace:
    """A workspace of an installation."""

    def __init__(
        self,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        workspace_name: str | None = None,
        auth: AbstractAuthentication | None = None,
        **_more: object,
    ) -> None:
        """Find it; what is left out is what the installation has.

        Raises:
            AuthenticationException: Nobody is logged in.
            WorkspaceException: It is not there.
        """
        self._node = Node(auth or InteractiveLoginAuthentication())
        asked = dict(zip(_NAMES, (subscription_id, resource_group, workspace_name), strict=True))
        try:
            if not all(asked.values()):
                own = self._node.ask("GET", "/azureml/workspace").body
                asked = {name: told or own[name] for name, told in asked.items()}
            self._id = (
                f"/subscriptions/{asked['subscription_id']}/resourceGroups/{asked['resource_group']}"
                "/providers/Microsoft.MachineLearningServices/workspaces/"
                f"{asked['workspace_name']}"
            )
            self._told = self._node.ask("GET", self._id).body
        except Refused as error:
            raise refusal(error, WorkspaceException, "Resource Provider") from error

    @classmethod
    def get(
        cls,
        name: str,
        auth: AbstractAuthentication | None = None,
        subscription_id: str | None = None,
        resource_group: str | None = None,
        **_more: object,
    ) -> "Workspace":
        """Return the workspace *name*; raises as the class itself."""
        return cls(subscription_id, resource_group, name, auth)

    @classmethod
    def from_config(
        cls,
        path: str | None = None,
        auth: AbstractAuthentication | None = None,
        _logger: object = None,
        _file_name: str | None = None,
    ) -> "Workspace":
        """Return the workspace that a project's `config.json` names.

        Raises:
            UserErrorException: There is none from *path* upwards, or it does not name one.
        """
        place = _configuration(Path(path or "."), _file_name or "config.json")
        try:
            told = json.loads(place.read_text("utf-8"))
            subscription, group, name = (told[name] for name in _NAMES)
        except (ValueError, KeyError, TypeError) as error:
            raise UserErrorException(
                f"{place} is to name {', '.join(_NAMES)}, in JSON: {error}.", error
            ) from error
        return cls(subscription, group, name, auth)

    def write_config(self, path: str | None = None, file_name: str | None = None) -> None:
        """Write down which workspace this is, for `from_config`."""
        folder = Path(path or ".") / ".azureml"
        folder.mkdir(parents=True, exist_ok=True)
        names = (self.subscription_id, self.resource_group, self.name)
        text = json.dumps(dict(zip(_NAMES, names, strict=True)), indent=4)
        (folder / (file_name or "config.json")).write_text(text)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self._told["name"])

    @property
    def location(self) -> str:
        """Its region."""
        return str(self._told["location"])

    @property
    def subscription_id(self) -> str:
        """Its subscription."""
        return self._id.split("/")[2]

    @property
    def resource_group(self) -> str:
        """Its resource group."""
        return self._id.split("/")[4]

    @property
    def service_context_id(self) -> str:
        """Its resource id."""
        return self._id

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return dict(self._told.get("tags") or {})

    @property
    def compute_targets(self) -> "dict[str, ComputeTarget]":
        """Its computes, by name."""
        from azureml.core.compute import ComputeTarget

        return {one.name: one for one in ComputeTarget.list(self)}

    @property
    def webservices(self) -> "dict[str, Webservice]":
        """Its services, by name."""
        from azureml.core.webservice import Webservice

        return {one.name: one for one in Webservice.list(self)}

    @property
    def models(self) -> "dict[str, Model]":
        """The latest version of each of its models, by name."""
        from azureml.core.model import Model

        return {one.name: one for one in Model.list(self, latest=True)}

    def get_details(self) -> Json:
        """Return all that is told of it."""
        return {**self._told, **self._told.get("properties", {})}

    def __repr__(self) -> str:
        return (
            f"Workspace.create(name={self.name!r}, subscription_id={self.subscription_id!r},"
            f" resource_group={self.resource_group!r})"
        )

    def _of_computes(self, method: str, path: str, body: object = None) -> Answer:
        """Ask the part that has computes for *path* below the workspace; raises `Refused`."""
        before = f"/rp/workspaces{self._id}" if method == "GET" else self._id
        place, _, query = path.partition("?")
        asked = f"api-version=2020-02-02&{query}" if query else "api-version=2020-02-02"
        return self._node.ask(method, f"{before}{place}?{asked}", body)

    def _of_services(self, method: str, path: str, body: object = None) -> Answer:
        """Ask the part that has models and services for *path*; raises `Refused`."""
        return self._node.ask(method, f"/modelmanagement/v1.0{self._id}{path}", body)

    def _of_artifacts(self, method: str, path: str, body: object = None) -> Answer:
        """Ask the part that has files for *path*; raises `Refused`."""
        return self._node.ask(method, f"/artifact/v2.0{self._id}/artifacts{path}", body)


def _configuration(start: Path, name: str) -> Path:
    if start.is_file():
        return start
    folder = start.resolve()
    for above in (folder, *folder.parents):
        for place in _FOLDERS:
            if (found := above / place / name).is_file():
                return found
    raise UserErrorException(
        f"There is no .azureml/{name} in {folder} or above it:"
        " `hermetic azureml env --write-config .` writes one."
    )
