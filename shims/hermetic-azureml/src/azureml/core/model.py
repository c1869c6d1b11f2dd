"""Models, and their deployment."""

import builtins
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from azureml.core import _files
from azureml.core._deploying import deployed
from azureml.core._inference import InferenceConfig
from azureml.core._node import Json, Refused, refusal
from azureml.core._patching import asked_for, item
from azureml.exceptions import ModelNotFoundException, WebserviceException

if TYPE_CHECKING:
    from azureml.core.compute import ComputeTarget
    from azureml.core.webservice import Webservice
    from azureml.core.workspace import Workspace

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}\Z")
_SERVICE = "Model Management Service"
_ROOT = "/var/azureml-app"  # of a container of the retired product

__all__ = ["InferenceConfig", "Model", "ModelPackage"]


class ModelPackage:
    """Not for here: there are no images."""


class Model:
    """One version of a registered model."""

    class Framework:
        """What a model was made with."""

        CUSTOM = "Custom"
        MULTI = "Multi"
        ONNX = "Onnx"
        PYTORCH = "PyTorch"
        SCIKITLEARN = "ScikitLearn"
        TENSORFLOW = "TensorFlow"
        TFKERAS = "TfKeras"

    def __init__(
        self,
        workspace: "Workspace",
        name: str | None = None,
        id: str | None = None,  # noqa: A002  # the original's name
        tags: Sequence[Any] | None = None,
        properties: Sequence[Any] | None = None,
        version: int | None = None,
        run_id: str | None = None,
        model_framework: str | None = None,
        expand: bool = True,
    ) -> None:
        """Find it: by its id `name:version`, or the latest version that fits.

        Raises:
            WebserviceException: There is none (its message begins with `ModelNotFound`).
        """
        del run_id, expand
        if id or (name and version):
            self._load(workspace, _found(workspace, id or f"{name}:{version}"))
            return
        fitting = _asked(workspace, name, tags, properties, model_framework, latest=True)
        if not fitting:
            raise WebserviceException(
                f"ModelNotFound: Model with name {name} not found in provided workspace"
            )
        self._load(workspace, fitting[0])

    def _load(self, workspace: "Workspace", body: Json) -> None:
        self.workspace, self._body = workspace, body
        self.id: str = body["id"]
        self.name: str = body["name"]
        self.version: int = body["version"]
        self.description: str | None = body.get("description")
        self.tags: dict[str, str] = dict(body.get("kvTags") or {})
        self.properties: dict[str, str] = dict(body.get("properties") or {})
        self.created_time: str = body["createdTime"]
        self.url: str = body["url"]
        self.model_framework: str | None = body.get("framework")
        self.model_framework_version: str | None = body.get("frameworkVersion")

    @staticmethod
    def register(
        workspace: "Workspace",
        model_path: str,
        model_name: str,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
        description: str | None = None,
        datasets: object = None,
        model_framework: str | None = None,
        model_framework_version: str | None = None,
        child_paths: object = None,
        sample_input_dataset: object = None,
        sample_output_dataset: object = None,
        resource_configuration: object = None,
    ) -> "Model":
        """Register a file or a folder as the next version of a model.

        Raises:
            FileNotFoundError: There is nothing at *model_path*.
            WebserviceException: The name cannot be one, or the node refuses.
        """
        del datasets, child_paths, sample_input_dataset, sample_output_dataset
        del resource_configuration
        if not _NAME.match(model_name):
            raise WebserviceException(
                f"{model_name!r} cannot be a model's name: letters, digits, - . _, 255 at most."
            )
        if model_framework_version and not model_framework:
            raise WebserviceException("model_framework_version goes with model_framework only.")
        if not Path(model_path).exists():
            raise FileNotFoundError(f"There is nothing at {model_path!r} to register.")
        told = {
            "framework": model_framework,
            "frameworkVersion": model_framework_version,
            "description": description,
            "kvTags": dict(tags) if tags else None,
            "properties": dict(properties) if properties else None,
        }
        try:
            made = _registered(workspace, Path(model_path), model_name, told)
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error
        return Model._of(workspace, made)

    @staticmethod
    def list(
        workspace: "Workspace",
        name: str | None = None,
        tags: Sequence[Any] | None = None,
        properties: Sequence[Any] | None = None,
        run_id: str | None = None,
        latest: bool = False,
        dataset_id: str | None = None,
        expand: bool = True,
        page_count: int = 255,
        model_framework: str | None = None,
    ) -> "builtins.list[Model]":
        """Return the models that fit; *tags* and *properties* are keys, or pairs of key and value."""
        del run_id, dataset_id, expand, page_count
        found = _asked(workspace, name, tags, properties, model_framework, latest=latest)
        return [Model._of(workspace, one) for one in found]

    @staticmethod
    def _of(workspace: "Workspace", body: Json) -> "Model":
        made = object.__new__(Model)
        made._load(workspace, body)
        return made

    def download(self, target_dir: str = ".", exist_ok: bool = False) -> str:
        """Fetch its files into a folder; return where they are.

        Raises:
            WebserviceException: There is something of that name, and *exist_ok* is false.
        """
        asset = self.workspace._of_services("GET", f"/assets/{self.url.rpartition('/')[2]}").body
        place = target_dir
        for prefix in (one["prefix"] for one in asset["artifacts"]):
            for one in self._content(prefix):
                target = _inside(Path(target_dir), one["path"])
                if target.exists() and not exist_ok:
                    raise WebserviceException(f"{target} is there already: say exist_ok=True.")
                target.parent.mkdir(parents=True, exist_ok=True)
                self.workspace._node.fetch_file(one["contentUri"], target)
            place = str(Path(target_dir) / prefix.rpartition("/")[2])
        return place

    def _content(self, prefix: str) -> "builtins.list[Json]":
        path = f"/prefix/contentinfo/{quote(prefix)}"
        found: builtins.list[Json] = []
        token = None
        while True:
            query = f"?continuationToken={quote(token)}" if token else ""
            told = self.workspace._of_artifacts("GET", path + query).body
            found += told["value"]
            token = told.get("continuationToken")
            if not token:
                return found

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags."""
        self.update(tags={**self.tags, **tags})

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags."""
        self.update(tags={key: value for key, value in self.tags.items() if key not in tags})

    def add_properties(self, properties: Mapping[str, str]) -> None:
        """Add properties; raises `WebserviceException` for one that is there: they never change."""
        if known := set(properties) & set(self.properties):
            raise WebserviceException(
                f"Properties are immutable: {', '.join(sorted(known))} is there already."
            )
        self._patch([item("properties", {**self.properties, **properties}, "add")])

    def update(
        self,
        tags: Mapping[str, str] | None = None,
        description: str | None = None,
        **_more: object,
    ) -> None:
        """Change what is said of it."""
        told = {"kvTags": None if tags is None else dict(tags), "description": description}
        self._patch([item(name, value) for name, value in told.items() if value is not None])

    def _patch(self, items: "builtins.list[Json]") -> None:
        try:
            path = f"/models/{quote(self.id, safe='')}"
            self._load(self.workspace, self.workspace._of_services("PATCH", path, items).body)
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error

    def delete(self) -> None:
        """Forget it; raises `WebserviceException` while something is deployed with it."""
        try:
            self.workspace._of_services("DELETE", f"/models/{quote(self.id, safe='')}")
        except Refused as error:
            raise refusal(error, WebserviceException, _SERVICE) from error

    def serialize(self) -> Json:
        """Return it as it was read."""
        return dict(self._body)

    def __repr__(self) -> str:
        return (
            f"Model(workspace={self.workspace!r}, name={self.name}, id={self.id},"
            f" version={self.version}, tags={self.tags}, properties={self.properties})"
        )

    @staticmethod
    def get_model_path(model_name: str, version: int | None = None, **_more: object) -> str:
        """Return where, inside a deployed script, a model lies.

        Raises:
            ModelNotFoundException: It is not there.
        """
        root = Path(os.environ.get("AML_APP_ROOT", _ROOT)) / "azureml-models" / model_name
        versions = (
            (one.name for one in root.iterdir() if one.name.isdigit()) if root.is_dir() else ()
        )
        latest = max((int(one) for one in versions), default=None)
        folder = root / str(version or latest)
        if not folder.is_dir():
            raise ModelNotFoundException(f"There is no model {model_name!r} below {root.parent}.")
        inside = list(folder.iterdir())
        return str(inside[0] if len(inside) == 1 else folder)

    @staticmethod
    def deploy(
        workspace: "Workspace",
        name: str,
        models: "Sequence[Model] | None" = None,
        inference_config: InferenceConfig | None = None,
        deployment_config: Any = None,  # of either kind
        deployment_target: "ComputeTarget | None" = None,
        overwrite: bool = False,
        show_output: bool = False,
    ) -> "Webservice":
        """Begin to deploy a script with *models*.

        Args:
            workspace: Where.
            name: 3 to 32 of a-z, 0-9 and -.
            models: What the script finds in `AZUREML_MODEL_DIR`.
            inference_config: The script.
            deployment_config: Of `AciWebservice` or `AksWebservice`.
            deployment_target: The compute; without one, the service has a front end of its own.
            overwrite: Replace a service of that name.
            show_output: As in the original; `wait_for_deployment` has one that shows something.

        Raises:
            WebserviceException: It cannot be deployed so, or the node refuses.
            UserErrorException: There is no script.
        """
        del show_output
        return deployed(
            workspace,
            name,
            models or (),
            inference_config,
            deployment_config,
            deployment_target,
            overwrite=overwrite,
        )

    @staticmethod
    def package(*_told: object, **_more: object) -> "ModelPackage":
        """Raise `NotImplementedError`: there are no images here."""
        raise NotImplementedError("There are no images here: deploy the model.")


def _registered(workspace: "Workspace", path: Path, name: str, told: Json) -> Json:
    batch = _files.send(workspace, _files.container(dated=True), _files.below(path))
    artifacts = [{"prefix": f"{batch}/{path.resolve().name}"}]
    asset = workspace._of_services("POST", "/assets", {"name": name, "artifacts": artifacts}).body
    body = {
        "name": name,
        "datasets": [],
        "url": f"aml://asset/{asset['id']}",
        "mimeType": "application/json",
        "unpack": False,
        **{key: value for key, value in told.items() if value is not None},
    }
    return workspace._of_services("POST", "/models", body).body


def _inside(folder: Path, path: str) -> Path:
    """Return where in *folder* a file goes that the node names; never outside of it."""
    target = (folder / path).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise WebserviceException(f"{path!r} would be written outside of {folder}.")
    return target


def _asked(
    workspace: "Workspace",
    name: str | None,
    tags: Sequence[Any] | None,
    properties: Sequence[Any] | None,
    framework: str | None,
    *,
    latest: bool,
) -> list[Json]:
    asked = {"name": name, "framework": framework, "tags": asked_for(tags)}
    asked["properties"] = asked_for(properties)
    query = f"count=255&latestVersionOnly={str(latest).lower()}"
    query += "".join(f"&{key}={quote(value)}" for key, value in asked.items() if value)
    try:
        found: list[Json] = workspace._of_services("GET", f"/models?{query}").body["value"]
    except Refused as error:
        raise refusal(error, WebserviceException, _SERVICE) from error
    return found


def _found(workspace: "Workspace", id_: str) -> Json:
    try:
        return workspace._of_services("GET", f"/models/{quote(id_, safe='')}").body
    except Refused as error:
        if error.status == 404:
            raise WebserviceException(
                f"ModelNotFound: Model with id {id_} not found", 404
            ) from error
        raise refusal(error, WebserviceException, _SERVICE) from error
