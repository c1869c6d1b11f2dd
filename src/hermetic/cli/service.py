"""`hermetic service`: publish, list, show, call and delete services."""

import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

import click
import msgspec

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, gathered, json_option, reaching
from hermetic.cli.inputs import body_of
from hermetic.client import bundling
from hermetic.client.api import Answer, Client
from hermetic.errors import BadInput, Conflict, NotFound, ServiceExists
from hermetic.runtimes.python import describe
from hermetic.serving.schema import Parameter, Schema
from hermetic.serving.service import EntryKind, RuntimeKind, ServiceKey
from hermetic.wire.messages import EntryDefinition, ParameterDefinition, PublishRequest, WebService


@dataclass(frozen=True)
class Declared:
    """What the flags say of a service to publish."""

    name: str
    version: str | None
    models: tuple[Path, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    files: tuple[str, ...]
    description: str | None
    idempotent: bool


@click.group()
def service() -> None:
    """Publish, show, call and delete services."""


@service.command("list")
@click.argument("name", required=False)
@reaching
@json_option
def list_services(name: str | None, reach: Reach, *, as_json: bool) -> None:
    """List the services, or the versions of NAME."""
    with connected(reach) as client:
        found = client.services(name)
    if as_json:
        output.show_json(msgspec.to_builtins(found))
        return
    titles = ("name", "version", "published by", "at (UTC)", "inputs", "outputs")
    empty = "No service is published: `hermetic service publish score.py --name NAME` does it."
    output.show_table(titles, [_row(one) for one in found], empty=empty)


@service.command()
@click.argument("name")
@click.option("--version", help="Which version; the latest without it.")
@click.option("--swagger", is_flag=True, help="Show its Swagger 2.0 document instead.")
@reaching
@json_option
def show(
    name: str,
    version: str | None,
    reach: Reach,
    *,
    swagger: bool,
    as_json: bool,
) -> None:
    """Show what the service NAME takes and gives."""
    with connected(reach) as client:
        found = _one(client, name, version)
        document = client.swagger(found.name, found.version) if swagger else None
    if document is not None:
        output.show_json(document)
    elif as_json:
        output.show_json(msgspec.to_builtins(found))
    else:
        titles = ("name", "version", "published by", "at (UTC)", "inputs", "outputs")
        pairs = [*zip(titles, _row(found), strict=True), ("description", found.description or "-")]
        pairs.append(("idempotent", "yes" if found.idempotent else "no"))
        output.show_pairs([*pairs, ("address", f"{client.url}/api/{found.name}/{found.version}")])


@service.command()
@click.argument("entry")
@click.option("--name", required=True, help="The name to publish under.")
@click.option("--version", help="The version; a new one is made without it.")
@click.option(
    "--model", "models", type=Path, multiple=True, help="A file or folder to bring along."
)
@click.option("--input", "inputs", multiple=True, metavar="NAME:TYPE", help="An input's type.")
@click.option("--output", "outputs", multiple=True, metavar="NAME:TYPE", help="An output.")
@click.option("--output-file", "files", multiple=True, help="A file a call leaves behind.")
@click.option("--description", help="What it is for.")
@click.option(
    "--idempotent", is_flag=True, help="Calls may be tried again when a node fails in them."
)
@click.option("--replace", is_flag=True, help="Replace the version if it is there already.")
@reaching
@json_option
@gathered(Declared, "declared")
def publish(entry: str, declared: Declared, reach: Reach, *, replace: bool, as_json: bool) -> None:
    """Publish ENTRY: a script with run(...) and perhaps init(), or module:function.

    Inputs and outputs are read from type hints; --input and --output win over them.  TYPE is
    numeric, integer, character, logical, vector, matrix or data.frame.  The node loads the
    service once before it accepts it.
    """
    name, version = declared.name, declared.version
    ServiceKey.parse(name, version if version is not None else "1")
    request, members = _request(entry, declared)
    with connected(reach) as client:
        with tempfile.TemporaryFile() as archive:
            bundling.write(members, archive)
            archive.seek(0)
            request.bundle = client.upload_bundle(archive)
        try:
            version = client.publish(name, version, request)
        except ServiceExists as error:
            if not replace or version is None:
                raise Conflict(f"{error.text} With --replace it is redeployed.") from error
            version = client.redeploy(name, version, request)
    address = f"{client.url}/api/{name}/{version}"
    if as_json:
        output.show_json({"name": name, "version": version, "url": address})
        return
    inputs = " ".join(f"{one.name}=…" for one in request.input_parameter_definitions or [])
    output.show(f"Published {name} {version} at {address}")
    output.note(f"Call it: hermetic service call {name} --version {version} {inputs}".rstrip())


@service.command()
@click.argument("name")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--version", help="Which version; the latest without it.")
@click.option("--data", help="The inputs as one JSON object.")
@click.option("--input", "file", type=click.File("rb"), help="A file with the JSON; - is stdin.")
@reaching
@json_option
def call(
    name: str,
    values: tuple[str, ...],
    version: str | None,
    data: str | None,
    file: IO[bytes] | None,
    reach: Reach,
    *,
    as_json: bool,
) -> None:
    """Call the service NAME with inputs such as x=1.5 and show what it answers."""
    if sum(map(bool, (values, data, file))) > 1:
        raise click.UsageError("Give the inputs one way: NAME=VALUE, --data or --input.")
    with connected(reach) as client:
        found = _one(client, name, version)
        text = data.encode() if data is not None else file.read() if file else None
        body = body_of(found, values) if text is None else _read_json(text)
        answer = client.call_with(found.name, found.version, body)
    _show_answer(answer, as_json=as_json)


@service.command()
@click.argument("name")
@click.option("--version", required=True, help="Which version.")
@reaching
def delete(name: str, version: str, reach: Reach) -> None:
    """Delete one version of the service NAME."""
    with connected(reach) as client:
        client.delete(name, version)
    output.note(f"Deleted {name} {version}.")


def _request(entry: str, declared: Declared) -> tuple[PublishRequest, dict[PurePosixPath, Path]]:
    """Return what to publish, without its bundle, and the files of that."""
    models = declared.models
    file, colon, function = Path(entry), *entry.rpartition(":")[1:]
    if colon and function.isidentifier() and not file.exists():
        module = entry.rpartition(":")[0]
        source, kind, target = bundling.module_file(module, Path()), EntryKind.FUNCTION, entry
        members = bundling.of_module(module, Path(), models)
    else:
        source, kind, target, function = file, EntryKind.SCRIPT, file.name, "run"
        members = bundling.of_script(file, models)
    schema = _schema(source, function, declared)
    return PublishRequest(
        runtime_type=RuntimeKind.PYTHON.value,
        entry=EntryDefinition(kind=kind.value, target=target),
        description=declared.description,
        input_parameter_definitions=_definitions(schema.inputs),
        output_parameter_definitions=_definitions(schema.outputs),
        output_file_names=list(declared.files),
        idempotent=declared.idempotent,
    ), members


def _schema(source: Path, function: str, declared: Declared) -> Schema:
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{source} cannot be read as Python: {error}.") from error
    inputs = [_parameter(one, "--input") for one in declared.inputs]
    outputs = [_parameter(one, "--output") for one in declared.outputs]
    return describe(text, function, file=str(source), inputs=inputs, outputs=outputs)


def _parameter(text: str, option: str) -> Parameter:
    name, colon, kind = text.partition(":")
    if not colon:
        raise click.UsageError(f"{option} {text} lacks a type: write {option} {text}:numeric.")
    return Parameter.parse(name, kind)


def _definitions(parameters: tuple[Parameter, ...]) -> list[ParameterDefinition]:
    return [ParameterDefinition(name=one.name, type=one.type.value) for one in parameters]


def _one(client: Client, name: str, version: str | None) -> WebService:
    if version is not None:
        return client.service(name, version)
    found = client.services(name)
    if not found:
        raise NotFound(
            f"There is no service {name!r}. `hermetic service list` shows what is published."
        )
    return found[-1]


def _row(found: WebService) -> tuple[str, ...]:
    inputs = ", ".join(f"{one.name}: {one.type}" for one in found.input_parameter_definitions)
    outputs = ", ".join(f"{one.name}: {one.type}" for one in found.output_parameter_definitions)
    published = (found.version_published_by, found.creation_time[:19].replace("T", " "))
    return (found.name, found.version, *published, inputs or "-", outputs or "-")


def _read_json(text: bytes) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise BadInput(f"The inputs are not JSON: {error}.") from None


def _show_answer(answer: Answer, *, as_json: bool) -> None:
    if as_json:
        output.show_json(msgspec.to_builtins(answer))
    else:
        if answer.console_output:
            output.note(answer.console_output.rstrip())
        output.show_pairs(
            (name, msgspec.json.encode(value).decode())
            for name, value in answer.output_parameters.items()
        )
        for name in answer.output_files:
            output.note(f"It left the file {name}: --json shows its content in base64.")
    if not answer.success:
        output.note(f"hermetic: The service's code failed: {answer.error_message}")
        raise click.exceptions.Exit(1)
