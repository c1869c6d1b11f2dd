"""What a script runs in: packages and variables."""

import copy
from pathlib import Path
from typing import Any

from azureml.core.conda_dependencies import CondaDependencies
from azureml.exceptions import UserErrorException


class PythonSection:
    """The interpreter and its packages."""

    def __init__(self) -> None:
        self.conda_dependencies = CondaDependencies.create()
        self.user_managed_dependencies = False
        self.interpreter_path = "python"

    def as_dict(self) -> dict[str, Any]:
        """Return it as a deployment tells it."""
        return {
            "userManagedDependencies": self.user_managed_dependencies,
            "interpreterPath": self.interpreter_path,
            "condaDependenciesFile": None,
            "baseCondaEnvironment": None,
            "condaDependencies": self.conda_dependencies.as_dict(),
        }


class DockerSection:
    """The image, which the node is told of and does not use: a script runs in a worker."""

    def __init__(self) -> None:
        self.enabled = False
        self.base_image: str | None = None
        self.base_dockerfile: str | None = None
        self.shm_size = "2g"
        self.arguments: list[str] = []

    def as_dict(self) -> dict[str, Any]:
        """Return it as a deployment tells it."""
        nobody = ("address", "username", "password", "registryIdentity")
        return {
            "enabled": self.enabled,
            "baseImage": self.base_image,
            "baseDockerfile": self.base_dockerfile,
            "buildContext": None,
            "sharedVolumes": True,
            "shmSize": self.shm_size,
            "arguments": list(self.arguments),
            "baseImageRegistry": dict.fromkeys(nobody),
            "platform": {"os": "Linux", "architecture": "amd64"},
        }


class Environment:
    """An environment, by name."""

    def __init__(self, name: str) -> None:
        """Begin with what every script needs; raises `UserErrorException` without a name."""
        if not name:
            raise UserErrorException("An environment has a name: give one.")
        self.name, self.version = name, None
        self.python, self.docker = PythonSection(), DockerSection()
        self.environment_variables: dict[str, str] = {}
        self.inferencing_stack_version: str | None = None

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str, pip_version: str | None = None
    ) -> "Environment":
        """Return an environment with what a file of requirements lists.

        Raises:
            UserErrorException: The file cannot be read.
        """
        del pip_version
        try:
            lines = Path(file_path).read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise UserErrorException(f"{file_path} cannot be read: {error}", error) from error
        packages = [line.partition(" #")[0].strip() for line in lines]
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies.create(
            pip_packages=[one for one in packages if one and not one.startswith("#")]
        )
        return made

    @staticmethod
    def from_conda_specification(name: str, file_path: str) -> "Environment":
        """Return an environment with what a conda specification lists.

        Raises:
            UserErrorException: The file is none.
        """
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    def clone(self, new_name: str) -> "Environment":
        """Return the same under another name."""
        made = copy.deepcopy(self)
        made.name, made.version = new_name, None
        return made

    def as_dict(self) -> dict[str, Any]:
        """Return it as a deployment tells it."""
        return {
            "name": self.name,
            "version": self.version,
            "environmentVariables": dict(self.environment_variables),
            "python": self.python.as_dict(),
            "docker": self.docker.as_dict(),
            "spark": {"repositories": [], "packages": [], "precachePackages": True},
            "databricks": {
                "mavenLibraries": [],
                "pypiLibraries": [],
                "rcranLibraries": [],
                "jarLibraries": [],
                "eggLibraries": [],
            },
            "r": None,
            "inferencingStackVersion": self.inferencing_stack_version,
            "assetId": None,
        }
