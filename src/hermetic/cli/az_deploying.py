"""`az ml model register` and `deploy`, `az ml service update`: the lines of the v1 extension."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hermetic.cli.az_deployment import (
    members_in,
    members_of,
    nested,
    pairs,
    patch_of,
    with_table,
)
from hermetic.cli.az_files import Json, read_object
from hermetic.cli.az_ml import Shown, Space, asking, of_a_workspace
from hermetic.cli.az_services import BRIEF, model, service, told_of
from hermetic.cli.connection import Command, Reach, gathered
from hermetic.client.azureml import AzureMl
from hermetic.client.azureml_files import Sending
from hermetic.config.home import write_file
from hermetic.errors import BadInput

_TAGS = click.option("--tag", "tags", multiple=True, help="KEY=VALUE.")
_PROPERTIES = click.option("--property", "properties", multiple=True, help="KEY=VALUE.")


@dataclass(frozen=True)
class What:
    """What is deployed: models, a script and what lies around it."""

    models: tuple[str, ...]
    model_metadata_file: tuple[Path, ...]
    inference_config_file: Path | None
    entry_script: Path | None
    source_directory: Path | None
    conda_file: Path | None

    def all_models(self) -> list[str]:
        """Return the ids of its models, of files too that `register` wrote."""
        written = [read_object(one, "--model-metadata-file") for one in self.model_metadata_file]
        return [*self.models, *(str(one.get("modelId")) for one in written)]

    def image(self, workspace: AzureMl) -> Json | None:
        """Send it, and return what refers to it; `None` if no script is told."""
        script, source = self.entry_script, self.source_directory
        environment: Json = {}
        if self.inference_config_file is not None:
            told = read_object(self.inference_config_file, "--inference-config-file")
            folder = self.inference_config_file.parent
            script = script or Path(str(told.get("entryScript", "")))
            if source is None and told.get("sourceDirectory"):
                source = folder / str(told["sourceDirectory"])
            environment = _object_in(told, "environment")
        if script is None:
            if self.conda_file is not None:
                raise BadInput("--conda-file is for a script: say --entry-script too.")
            return None
        if self.conda_file is not None:
            conda = read_object(self.conda_file, "--conda-file")
            python = {**_object_in(environment, "python"), "condaDependencies": conda}
            environment = {**environment, "python": python}
        return Sending(workspace).image(script, source, self.all_models(), environment)


def _object_in(told: Json, name: str) -> Json:
    found = told.get(name) or {}
    if not isinstance(found, dict):
        raise BadInput(f"--inference-config-file: {name} is no object: write names and values.")
    return found


def _with_what(command: Command) -> Command:
    command = gathered(What, "what")(command)
    for option in (
        click.option("--source-directory", "--sd", type=Path, help="The folder around the script."),
        click.option(
            "--entry-script", "--es", type=Path, help="The script, with init() and run()."
        ),
        click.option("--inference-config-file", "--ic", type=Path, help="Both, as JSON or YAML."),
        click.option(
            "--conda-file", "--cf", type=Path, help="What pip is to install, as conda has it."
        ),
        click.option(
            "--model-metadata-file", "-f", type=Path, multiple=True, help="Written by register -t."
        ),
        click.option("--model", "-m", "models", multiple=True, help="NAME:VERSION."),
    ):
        command = option(command)
    return command


@model.command()
@click.option("--name", "-n", required=True, help="The model.")
@click.option("--model-path", "-p", type=Path, required=True, help="Its file or folder.")
@click.option("--model-framework", help="As documented; told again.")
@click.option("--model-framework-version", help="As documented; told again.")
@click.option("--description", "-d", help="What it is.")
@_TAGS
@_PROPERTIES
@click.option("--output-metadata-file", "-t", type=Path, help="Where to write which one it is.")
@of_a_workspace
def register(
    reach: Reach,
    space: Space,
    name: str,
    model_path: Path,
    tags: tuple[str, ...],
    properties: tuple[str, ...],
    output_metadata_file: Path | None,
    **told: object,
) -> Json:
    """Register a file or a folder as the next version of a model."""
    body = {
        "name": name,
        "kvTags": pairs(tags),
        "properties": pairs(properties),
        "description": told["description"],
        "framework": told["model_framework"],
        "frameworkVersion": told["model_framework_version"],
        "mimeType": "application/octet-stream",
    }
    with asking(reach, space) as workspace:
        made = Sending(workspace).register(model_path, body)
    written = {"modelId": made["id"], "workspaceName": workspace.name}
    if output_metadata_file is not None:
        write_file(output_metadata_file.absolute(), f"{json.dumps(written)}\n".encode())
    return written


@model.command()
@click.option("--name", "-n", required=True, help="The service.")
@_with_what
@with_table
@click.option("--compute-target", "--ct", help="The compute it is deployed on.")
@click.option("--compute-type", "--cp", type=click.Choice(["aci", "aks"], False), help="Else told.")
@click.option("--deploy-config-file", "--dc", type=Path, help="All of it, as JSON or YAML.")
@click.option("--dns-name-label", "--dn", help="The first label of an ACI service's name.")
@click.option("--location", "--lo", help="As documented; told again.")
@click.option("--primary-key", "--kp", help="A key that callers show.")
@click.option("--secondary-key", "--ks", help="The other one.")
@_TAGS
@_PROPERTIES
@click.option("--overwrite", is_flag=True, help="Replace a service of that name.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@of_a_workspace
def deploy(reach: Reach, space: Space, name: str, what: What, **told: Any) -> Shown:  # noqa: ANN401
    """Deploy a script with its models, on a compute or with a front end of its own."""
    members: dict[str, Any] = {}
    if told["deploy_config_file"] is not None:
        members = members_in(told["deploy_config_file"])
    members |= members_of(told)
    kind = told["compute_type"] or members.get("computeType") or _kind(told, members)
    members |= {
        "name": name,
        "computeType": str(kind).upper(),
        "computeName": told["compute_target"] or members.get("computeName"),
        "kvTags": pairs(told["tags"]),
        "properties": pairs(told["properties"]),
        "overwrite": told["overwrite"],
    }
    members |= {key: told[name] for name, key in _NAMED.items() if told[name] is not None}
    with asking(reach, space) as workspace:
        image = what.image(workspace)
        if image is None:
            raise BadInput("There is no script: say --entry-script, or --inference-config-file.")
        body = nested({**members, "environmentImageRequest": image})
        return Shown(told_of(workspace.deploy(body, wait=not told["no_wait"])), BRIEF)


_NAMED = {
    "dns_name_label": "dnsNameLabel",
    "location": "location",
    "primary_key": "keys/primaryKey",
    "secondary_key": "keys/secondaryKey",
}


def _kind(told: Mapping[str, Any], members: Mapping[str, Any]) -> str:
    return "aks" if told["compute_target"] or members.get("computeName") else "aci"


@service.command()
@click.option("--name", "-n", required=True, help="The service.")
@_with_what
@with_table
@click.option("--deploy-config-file", "--dc", type=Path, help="All of it, as JSON or YAML.")
@click.option("--add-tag", "added", multiple=True, help="KEY=VALUE.")
@click.option("--remove-tag", "removed", multiple=True, help="KEY.")
@click.option("--add-property", "properties", multiple=True, help="KEY=VALUE.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@of_a_workspace
def update(reach: Reach, space: Space, name: str, what: What, **told: Any) -> Shown:  # noqa: ANN401
    """Change a service."""
    members: dict[str, Any] = {}
    if told["deploy_config_file"] is not None:
        members = members_in(told["deploy_config_file"])
        members.pop("computeType")
    members |= members_of(told)
    members |= {f"properties/{key}": one for key, one in pairs(told["properties"]).items()}
    with asking(reach, space) as workspace:
        now = workspace.service(name)
        if told["added"] or told["removed"]:
            members["kvTags"] = _tags(now, told["added"], told["removed"])
        image = what.image(workspace)
        if image is not None:
            members["environmentImageRequest"] = image
        if not members:
            raise BadInput("Nothing is asked for: say what is to change.")
        done = workspace.patch_service(name, patch_of(members), wait=not told["no_wait"])
        return Shown(told_of(done), BRIEF)


def _tags(now: Json, added: Sequence[str], removed: Sequence[str]) -> dict[str, str]:
    kept = {key: value for key, value in (now["kvTags"] or {}).items() if key not in removed}
    return kept | pairs(added)
