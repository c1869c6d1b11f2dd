"""`az ml admin diagnostic`: what is wrong, and one execution from its start to its end."""

import json
from contextlib import suppress
from pathlib import Path

import click

from hermetic.cli.azure import remote
from hermetic.cli.connection import Reach, connected
from hermetic.cli.diagnose import found_by
from hermetic.diagnostics import report
from hermetic.errors import HermeticError


@click.group()
def diagnostic() -> None:
    """Look for what is wrong, and trace an execution."""


@diagnostic.command("run")
@remote
def run(reach: Reach) -> dict[str, object]:
    """Test everything, as `hermetic diagnose` does; exits with 1 if something failed."""
    found = report.in_json(found_by(reach))
    with suppress(HermeticError), connected(reach) as client:
        found["status"] = client.status()
    return found


@diagnostic.command("code")
@click.option("--runtime", type=click.Choice(["R", "python"], case_sensitive=False), required=True)
@click.option("--block", help="The code itself.")
@click.option("--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@remote
def code(reach: Reach, runtime: str, block: str | None, file: Path | None) -> dict[str, object]:
    """Execute code in a session, and tell each step with its request id."""
    if (block is None) == (file is None):
        raise click.UsageError("Give the code with --block, or its file with --file.")
    text = block if block is not None else file.read_text() if file else ""
    steps: list[dict[str, object]] = []
    with connected(reach) as client:
        session = client.open_session("Python" if runtime.lower() == "python" else "R")
        steps.append({"step": "POST /sessions", "requestId": client.request_id})
        try:
            told = client.execute(session, text)
            steps.append({"step": "POST /sessions/{id}/execute", "requestId": client.request_id})
        finally:
            client.close_session(session)
        steps.append({"step": "DELETE /sessions/{id}", "requestId": client.request_id})
    passed = bool(told.get("success"))
    return {"statusCode": "pass" if passed else "fail", "trace": steps, "result": told}


@diagnostic.command("service")
@click.option("--name", required=True, help="The service, or NAME/VERSION.")
@click.option("--version", help="Its version.")
@click.option("--args", "inputs", default="{}", help="The inputs, as JSON.")
@remote
def service(reach: Reach, name: str, version: str | None, inputs: str) -> dict[str, object]:
    """Call a service, and tell the step with its request id."""
    short, _, behind = name.partition("/")
    if not (version or behind):
        raise click.UsageError("Say which version: --version 1.0.")
    try:
        body = json.loads(inputs)
    except ValueError as error:
        raise click.UsageError(f"--args is no JSON: {error}.") from error
    with connected(reach) as client:
        answer = client.call_with(short, version or behind, body)
        step = {"step": f"POST /api/{short}/{version or behind}", "requestId": client.request_id}
    return {
        "statusCode": "pass" if answer.success else "fail",
        "trace": [step],
        "result": {
            "success": answer.success,
            "errorMessage": answer.error_message,
            "outputParameters": answer.output_parameters,
            "consoleOutput": answer.console_output,
        },
    }
