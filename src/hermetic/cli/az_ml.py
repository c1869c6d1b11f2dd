"""What the commands of the v1 extension `azure-cli-ml` have in common: which workspace is meant."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hermetic.cli.azure import remote
from hermetic.cli.connection import Command, Reach, connected, gathered
from hermetic.client.azureml import AzureMl
from hermetic.errors import BadInput

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True)
class Space:
    """Which workspace is meant; what is not told is the installation's own, or the project's."""

    resource_group: str | None
    workspace_name: str | None
    subscription_id: str | None
    path: Path

    @property
    def told(self) -> Mapping[str, str]:
        """What is told of it, by a flag or by the project's configuration."""
        found = dict(_project(self.path))
        flags = {
            "resource_group": self.resource_group,
            "workspace_name": self.workspace_name,
            "subscription_id": self.subscription_id,
        }
        return found | {name: value for name, value in flags.items() if value}


def of_a_workspace(command: Command) -> Command:
    """Give *command* the options that say which workspace is meant; print what it returns."""
    command = gathered(Space, "space")(command)
    for option in (
        click.option(
            "--subscription", "subscription_id", help="As --subscription-id.", hidden=True
        ),
        click.option("--subscription-id", help="The workspace's subscription."),
        click.option("-v", "verbosity", is_flag=True, help="Print everything that is known."),
        click.option("--only-show-errors", is_flag=True, hidden=True),
        click.option(
            "--path",
            type=Path,
            default=Path(),
            help="The project, with .azureml/config.json in it.",
        ),
        click.option("--workspace-name", "-w", help="The workspace."),
        click.option("--resource-group", "-g", help="The workspace's resource group."),
    ):
        command = option(command)
    return remote(_without_words(command))


@dataclass(frozen=True)
class Shown:
    """A result: all of it for -v, and otherwise the members that are told first."""

    whole: Mapping[str, Any]
    brief: Sequence[str]


def _without_words(command: Command) -> Command:
    @functools.wraps(command)
    def called(*, only_show_errors: bool, verbosity: bool, **values: object) -> object:
        del only_show_errors
        result = command(**values)
        if not isinstance(result, Shown):
            return result
        whole = result.whole
        return whole if verbosity else {name: whole.get(name) for name in result.brief}

    return called


@contextmanager
def asking(reach: Reach, space: Space) -> Iterator[AzureMl]:
    """Yield what speaks to the workspace that is meant."""
    with connected(reach) as client:
        yield AzureMl(client, space.told)


def either(name: str, text: str, *more: str) -> Callable[[Command], Command]:
    """Return an option that is true by its name alone, or takes a word: `--x`, `--x True`."""
    return click.option(
        name, *more, is_flag=False, flag_value="true", default=None, callback=_truth, help=text
    )


def _truth(_context: click.Context, parameter: click.Parameter, value: str | None) -> bool | None:
    if value is None:
        return None
    if value.lower() not in _WORDS:
        raise click.BadParameter(f"{value!r} is neither True nor False.", param=parameter)
    return _WORDS[value.lower()]


def spaced(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a value that swallowed the next option, for want of a space."""
    if value is not None and "--" in value:
        before, _, after = value.partition("--")
        raise click.BadParameter(
            f"A space is missing: write {before!r}, then --{after}.", param=parameter
        )
    return value


def pem(path: Path) -> str:
    """Return what is in a file of PEM, as text."""
    try:
        return path.read_text("ascii")
    except UnicodeDecodeError:
        raise BadInput(
            f"{path} is no PEM: `openssl x509 -inform der -in {path}` converts a certificate,"
            f" `openssl pkcs12 -in {path} -nodes` what is in a PFX."
        ) from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error


def _project(folder: Path) -> Mapping[str, str]:
    for place in (folder / ".azureml" / "config.json", folder / "config.json"):
        if place.is_file():
            try:
                found = json.loads(place.read_text("utf-8"))
                return {name: str(value) for name, value in found.items()}
            except (ValueError, AttributeError, OSError) as error:
                raise BadInput(f"{place} is no configuration of a workspace: {error}.") from error
    return {}
