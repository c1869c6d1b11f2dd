"""A script, what lies around it and what it runs in; and how that is sent."""

import ast
import keyword
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from azureml.core import _files
from azureml.core._node import Json
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.environment import Environment
from azureml.exceptions import WebserviceException

if TYPE_CHECKING:
    from azureml.core.model import Model
    from azureml.core.workspace import Workspace

_IMAGES = ("extra_docker_file_steps", "base_image", "base_image_registry", "cuda_version")

# What a container of the retired product began with: the script's functions, under known names.
_BEGINNING = '''"""Hands calls to the script of a deployment."""

import inspect
import os
import runpy
import sys

_SCRIPT = os.path.join(os.environ.get("AML_APP_ROOT", ""), os.environ["AZUREML_ENTRY_SCRIPT"])
sys.path.insert(0, os.path.dirname(_SCRIPT))
_found = runpy.run_path(_SCRIPT, run_name="entry_module")
init = _found["init"]
_run = _found["run"]


def run(body, request_headers):
    if "request_headers" in inspect.signature(_run).parameters:
        return _run(body, request_headers=request_headers)
    return _run(body)
'''


class InferenceConfig:
    """A script, what lies around it, and its environment."""

    def __init__(
        self,
        entry_script: str,
        runtime: str | None = None,
        conda_file: str | None = None,
        extra_docker_file_steps: str | None = None,
        source_directory: str | None = None,
        enable_gpu: bool | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: object = None,
        cuda_version: str | None = None,
        environment: Environment | None = None,
    ) -> None:
        """Take what is told, if it fits.

        Args:
            entry_script: The file with `init` and `run`, from *source_directory* on.
            runtime: As in the original; it is Python.
            conda_file: A conda specification, where no *environment* is told.
            extra_docker_file_steps: Not for here.
            source_directory: What is sent with the script.
            enable_gpu: Not for here.
            description: What it is.
            base_image: Not for here.
            base_image_registry: Not for here.
            cuda_version: Not for here.
            environment: What it runs in.

        Raises:
            WebserviceException: There is no such script, it is not Python, or an image is told.
        """
        told = (extra_docker_file_steps, base_image, base_image_registry, cuda_version)
        if enable_gpu or any(told):
            raise WebserviceException(
                f"There are no images here: leave {', '.join(_IMAGES)} and enable_gpu out, and"
                " give an environment."
            )
        if environment is not None and (runtime or conda_file):
            raise WebserviceException("Give an environment, or runtime and conda_file; not both.")
        self.entry_script, self.source_directory = entry_script, source_directory
        self.description = description
        self.environment = environment or Environment("default")
        if conda_file:
            place = Path(source_directory or ".") / conda_file
            self.environment.python.conda_dependencies = CondaDependencies(str(place))
        self.validate_configuration()

    def validate_configuration(self) -> None:
        """Raise `WebserviceException` unless the script can be one."""
        place = Path(self.source_directory or ".") / self.entry_script
        if not place.is_file():
            raise WebserviceException(f"There is no entry script {place}.")
        if place.suffix != ".py" or not place.stem.isidentifier() or keyword.iskeyword(place.stem):
            raise WebserviceException(f"{place.name!r} cannot be the name of a Python module.")
        try:
            ast.parse(place.read_text("utf-8"))
        except (SyntaxError, ValueError) as error:
            raise WebserviceException(f"{place} is not Python: {error}") from error

    def send(self, workspace: "Workspace", models: "Sequence[Model]") -> Json:
        """Send the script and what lies around it; return what refers to it and to *models*.

        Raises:
            Refused: The node does not take it.
        """
        self.validate_configuration()
        driver = _sent_beginning(workspace)
        script, variables = Path(self.entry_script), dict(self.environment.environment_variables)
        if self.source_directory is None:
            sent = _asset(workspace, script)
            variables["AZUREML_ENTRY_SCRIPT"] = script.name
        else:
            folder = Path(self.source_directory).resolve()
            with _files.packed(folder) as archive:
                sent = _asset(workspace, archive) | {"unpack": True}
            variables["AZUREML_ENTRY_SCRIPT"] = f"{folder.name}/{script.as_posix()}"
            variables["AZUREML_SOURCE_DIRECTORY"] = folder.name
        return {
            "driverProgram": driver["id"],
            "assets": [driver, sent],
            "modelIds": [one.id for one in models],
            "environment": {**self.environment.as_dict(), "environmentVariables": variables},
        }


def _sent_beginning(workspace: "Workspace") -> Json:
    with tempfile.NamedTemporaryFile("w", prefix="tmp", suffix=".py") as file:
        file.write(_BEGINNING)
        file.flush()
        return _asset(workspace, Path(file.name)) | {"mimeType": "application/x-python"}


def _asset(workspace: "Workspace", file: Path) -> Json:
    batch = _files.send(workspace, _files.container(), {file.name: file})
    return {
        "id": file.name,
        "url": f"aml://artifact/{batch}/{file.name}",
        "mimeType": "application/octet-stream",
    }
