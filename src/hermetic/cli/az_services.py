"""`az ml service …` and `az ml model …`: the command lines of the v1 extension, as documented."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from hermetic.cli.az_deployment import pairs
from hermetic.cli.az_ml import Shown, Space, asking, of_a_workspace
from hermetic.cli.connection import Reach, target
from hermetic.client.azureml import AzureMl
from hermetic.client.azureml_files import fetch
from hermetic.errors import BadInput, Unreachable

_NAME = click.option("--name", "-n", required=True, help="The service.")
BRIEF = [
    "name",
    "imageId",
    "updatedAt",
    "computeType",
    "scoringUri",
    "state",
    "tags",
    "properties",
]
_WITHIN_S = 330


@click.group()
def service() -> None:
    """What is deployed."""


@service.command("list")
@click.option("--compute-type", "-c", help="ACI or AKS.")
@click.option("--model-id", help="The id of a model it is made of.")
@click.option("--model-name", help="The name of a model it is made of.")
@click.option("--image-digest", help="As documented; changes nothing.", hidden=True)
@click.option("--tag", "tags", multiple=True, help="KEY or KEY=VALUE.")
@click.option("--property", "properties", multiple=True, help="KEY or KEY=VALUE.")
@of_a_workspace
def list_(reach: Reach, space: Space, **asked: object) -> list[Mapping[str, Any]]:
    """List services."""
    del asked["image_digest"]
    names = {"compute_type": "computeType", "model_id": "modelId", "model_name": "modelName"}
    with asking(reach, space) as workspace:
        found = workspace.services(_query(names, asked))
        return [{name: told_of(one).get(name) for name in BRIEF} for one in found]


@service.command()
@_NAME
@of_a_workspace
def show(reach: Reach, space: Space, name: str) -> Shown:
    """Show a service."""
    with asking(reach, space) as workspace:
        return Shown(told_of(workspace.service(name)), BRIEF)


@service.command()
@_NAME
@click.option("--input-data", "-d", required=True, help="What it is called with: JSON.")
@of_a_workspace
def run(reach: Reach, space: Space, name: str, input_data: str) -> object:
    """Call a service, as who may read its keys."""
    with asking(reach, space) as workspace:
        one = workspace.service(name)
        if not one.get("scoringUri"):
            raise BadInput(f"The service {name!r} is {one.get('state')}: it answers nobody.")
        return _called(one["scoringUri"], _shown_by_callers(workspace, one), input_data, reach)


@service.command("get-keys")
@_NAME
@of_a_workspace
def get_keys(reach: Reach, space: Space, name: str) -> Mapping[str, Any]:
    """Show the keys that callers show."""
    with asking(reach, space) as workspace:
        return workspace.of_service(name, "listkeys")


@service.command("regen-key")
@_NAME
@click.option(
    "--key", "-k", "which", required=True, type=click.Choice(["Primary", "Secondary"], False)
)
@click.option("--set-key", "-s", help="The new key; else one is made.")
@of_a_workspace
def regen_key(
    reach: Reach, space: Space, name: str, which: str, set_key: str | None
) -> Mapping[str, Any]:
    """Replace a key."""
    with asking(reach, space) as workspace:
        return workspace.regenerate_key(name, which.capitalize(), set_key)


@service.command("get-access-token")
@_NAME
@of_a_workspace
def get_access_token(reach: Reach, space: Space, name: str) -> Mapping[str, Any]:
    """Show a token that callers show."""
    with asking(reach, space) as workspace:
        told = workspace.of_service(name, "token")
    moments = {one: _moment(told[one]) for one in ("refreshAfter", "expiryOn")}
    return {"accessToken": told["accessToken"], "tokenType": told["tokenType"], **moments}


@service.command("get-logs")
@_NAME
@click.option("--num_lines", "-l", type=int, default=5000, show_default=True, help="How many.")
@click.option("--init", "-i", is_flag=True, help="As documented; changes nothing.", hidden=True)
@of_a_workspace
def get_logs(reach: Reach, space: Space, name: str, num_lines: int, *, init: bool) -> str:
    """Show what a service wrote."""
    del init
    with asking(reach, space) as workspace:
        workspace.service(name)
        return workspace.log(name, num_lines)


@service.command()
@_NAME
@of_a_workspace
def delete(reach: Reach, space: Space, name: str) -> None:
    """Delete a service."""
    with asking(reach, space) as workspace:
        workspace.delete_service(name)


@click.group()
def model() -> None:
    """Registered models."""


@model.command("list")
@click.option("--model-name", "-n", help="All versions of that name.")
@click.option("--latest", "-l", is_flag=True, help="The latest version of each.")
@click.option("--tag", "tags", multiple=True, help="KEY or KEY=VALUE.")
@click.option("--property", "properties", multiple=True, help="KEY or KEY=VALUE.")
@of_a_workspace
def list_models(
    reach: Reach, space: Space, *, latest: bool, **asked: object
) -> list[Mapping[str, Any]]:
    """List models."""
    query = _query({"model_name": "name"}, asked)
    query += "&latestVersionOnly=true" if latest else ""
    with asking(reach, space) as workspace:
        return [_model(one) for one in workspace.models(query)]


@model.command("show")
@click.option("--model-id", "-i", required=True, help="NAME:VERSION.")
@of_a_workspace
def show_model(reach: Reach, space: Space, model_id: str) -> Mapping[str, Any]:
    """Show a model."""
    with asking(reach, space) as workspace:
        return _model(workspace.model(model_id))


@model.command("download")
@click.option("--model-id", "-i", required=True, help="NAME:VERSION.")
@click.option("--target-dir", "-t", type=Path, required=True, help="The folder to write into.")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
@of_a_workspace
def download_model(
    reach: Reach, space: Space, model_id: str, target_dir: Path, *, overwrite: bool
) -> Mapping[str, Any]:
    """Fetch the files of a model."""
    with asking(reach, space) as workspace:
        found = workspace.model(model_id)
        place = fetch(workspace, found, target_dir, overwrite=overwrite)
    return {"downloadPath": str(place)}


@model.command("update")
@click.option("--model-id", "-i", required=True, help="NAME:VERSION.")
@click.option("--description", "-d", help="What it is.")
@click.option("--add-tag", "added", multiple=True, help="KEY=VALUE.")
@click.option("--remove-tag", "removed", multiple=True, help="KEY.")
@click.option("--add-property", "properties", multiple=True, help="KEY=VALUE, which stays.")
@of_a_workspace
def update_model(
    reach: Reach,
    space: Space,
    model_id: str,
    description: str | None,
    added: tuple[str, ...],
    removed: tuple[str, ...],
    properties: tuple[str, ...],
) -> Mapping[str, Any]:
    """Change what is said of a model."""
    items: list[dict[str, Any]] = []
    with asking(reach, space) as workspace:
        if added or removed:
            now = dict(workspace.model(model_id).get("kvTags") or {})
            kept = {key: value for key, value in now.items() if key not in removed}
            items.append({"op": "replace", "path": "/kvTags", "value": kept | pairs(added)})
        if properties:
            items.append({"op": "add", "path": "/properties", "value": pairs(properties)})
        if description is not None:
            items.append({"op": "replace", "path": "/description", "value": description})
        if not items:
            raise BadInput("Nothing is asked for: say what is to change.")
        return _model(workspace.patch_model(model_id, items))


@model.command("delete")
@click.option("--model-id", "-i", required=True, help="NAME:VERSION.")
@of_a_workspace
def delete_model(reach: Reach, space: Space, model_id: str) -> None:
    """Forget a model; what is deployed from it stays."""
    with asking(reach, space) as workspace:
        workspace.delete_model(model_id)


def _query(names: Mapping[str, str], asked: Mapping[str, object]) -> str:
    parts = {names[name]: asked[name] for name in names if asked.get(name)}
    for name in ("tags", "properties"):
        many = asked.get(name)
        if many and isinstance(many, tuple):
            parts[name] = ",".join(many)
    return "".join(f"&{name}={quote(str(value))}" for name, value in parts.items())


def told_of(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service with the names that its commands show."""
    return {**one, "updatedAt": one.get("updatedTime"), "tags": one.get("kvTags")}


def _model(one: Mapping[str, Any]) -> Mapping[str, Any]:
    names = ("id", "name", "version", "createdTime", "description", "properties", "framework")
    return {**{name: one.get(name) for name in names}, "tags": one.get("kvTags")}


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _shown_by_callers(workspace: AzureMl, one: Mapping[str, Any]) -> str | None:
    if one.get("aadAuthEnabled"):
        return str(workspace.of_service(one["name"], "token")["accessToken"])
    if one.get("authEnabled"):
        return str(workspace.of_service(one["name"], "listkeys")["primaryKey"])
    return None


def _called(uri: str, shown: str | None, data: str, reach: Reach) -> object:
    """Return what a deployment answers; its certificate is judged as that of the node is."""
    headers = {"content-type": "application/json"}
    if shown is not None:
        headers["authorization"] = f"Bearer {shown}"
    ca = target(reach).ca
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    request = urllib.request.Request(uri, data.encode(), headers)  # noqa: S310  # https, or as told
    try:
        with urllib.request.urlopen(request, timeout=_WITHIN_S, context=context) as answer:  # noqa: S310
            text = answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        told = error.read(2000).decode("utf-8", "replace")
        raise BadInput(f"The service answered with {error.code}: {told}") from error
    except OSError as error:
        raise Unreachable(f"{uri} cannot be called: {error}.") from error
    try:
        return json.loads(text)
    except ValueError:
        return text
