"""The packages of an environment, as a conda specification lists them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from azureml.exceptions import UserErrorException

PYTHON = "python=3.10.18"  # what the original asks for; the node runs what it has
_CHANNELS = ("anaconda", "conda-forge")


class CondaDependencies:
    """Packages, of pip and of conda."""

    def __init__(
        self,
        conda_dependencies_file_path: str | None = None,
        _underlying_structure: dict[str, Any] | None = None,
    ) -> None:
        """Begin with what a specification lists, or with Python alone.

        Raises:
            UserErrorException: The file is no conda specification.
        """
        told: dict[str, Any] = _underlying_structure or {}
        if conda_dependencies_file_path:
            told = _specification(Path(conda_dependencies_file_path))
        listed = told.get("dependencies") or [PYTHON]
        self._name = str(told.get("name") or "project_environment")
        self._channels = list(told.get("channels") or _CHANNELS)
        self._conda = [one for one in listed if isinstance(one, str)]
        self._pip = [
            package for one in listed if isinstance(one, dict) for package in one.get("pip") or ()
        ]

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> "CondaDependencies":
        """Return what these make up.

        Args:
            pip_indexurl: Said in the specification; where packages come from, the node decides.
            pip_packages: Requirements.
            conda_packages: Packages of conda.
            python_version: Of the interpreter.
            pin_sdk_version: As in the original; nothing is pinned here.
        """
        del pin_sdk_version
        made = CondaDependencies()
        if python_version:
            made.set_python_version(python_version)
        for one in conda_packages or ():
            made.add_conda_package(one)
        if pip_indexurl:
            made._pip.append(f"--extra-index-url {pip_indexurl}")
        for one in pip_packages if pip_packages is not None else ("azureml-defaults",):
            made.add_pip_package(one)
        return made

    @property
    def pip_packages(self) -> Iterable[str]:
        """The requirements of pip."""
        return [one for one in self._pip if not one.startswith("-")]

    @property
    def conda_packages(self) -> Iterable[str]:
        """The packages of conda, without Python."""
        return [one for one in self._conda if not one.startswith("python=")]

    @property
    def conda_channels(self) -> Iterable[str]:
        """Where conda looks."""
        return list(self._channels)

    def set_python_version(self, version: str) -> None:
        """Ask for another interpreter."""
        self._conda = [f"python={version}", *self.conda_packages]

    def add_pip_package(self, pip_package: str) -> None:
        """Add a requirement of pip, once."""
        if pip_package not in self._pip:
            self._pip.append(pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        """Leave a requirement of pip out again."""
        self._pip = [one for one in self._pip if one != pip_package]

    def add_conda_package(self, conda_package: str) -> None:
        """Add a package of conda, once."""
        if conda_package not in self._conda:
            self._conda.append(conda_package)

    def add_channel(self, channel: str) -> None:
        """Let conda look in another place too."""
        if channel not in self._channels:
            self._channels.append(channel)

    def as_dict(self) -> dict[str, Any]:
        """Return the specification."""
        pip = [{"pip": list(self._pip)}] if self._pip else []
        return {
            "name": self._name,
            "dependencies": [*self._conda, *pip],
            "channels": list(self._channels),
        }

    def serialize_to_string(self) -> str:
        """Return the specification as the text of a file."""
        return yaml.safe_dump(self.as_dict(), sort_keys=False)

    def save_to_file(self, base_directory: str, conda_file_path: str = "conda.yml") -> str:
        """Write the specification to a file, and return its name."""
        (Path(base_directory) / conda_file_path).write_text(self.serialize_to_string())
        return conda_file_path


def _specification(place: Path) -> dict[str, Any]:
    try:
        told = yaml.safe_load(place.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserErrorException(f"{place} is no conda specification: {error}", error) from error
    if not isinstance(told, dict) or not isinstance(told.get("dependencies", []), list):
        raise UserErrorException(
            f"{place} is no conda specification: it is to have a list named dependencies."
        )
    return told
