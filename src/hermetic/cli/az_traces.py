"""`az ml admin diagnostic`: what is wrong, and one execution from its start to its end."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hermetic.cli.azure import remote
from hermetic.cli.connection import Reach, connected
from hermetic.cli.diagnose import found_by
from hermetic.client.api import Client
from hermetic.diagnostics import report
from hermetic.errors import HermeticError, Unauthenticated


@click.group()
def diagnostic() -> None:
    """Look for what is wrong, and trace an execution."""


@diagnostic.command("run")
@remote
def run(reach: Reach) -> dict[str, object]:
    """Test everything, as `hermetic diagnose` does; exits with 1 if something failed."""
    found = report.in_json(found_by(reach))
    try:
        with connected(reach) as client:
            found["status"] = client.status()
    except HermeticError as error:
        found["status"] = {"error": error.text}
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
    with connected(reach) as client:
        trace = Trace(client)
        with trace.step("POST /sessions"):
            session = client.open_session("Python" if runtime.lower() == "python" else "R")
        with trace.telling():
            try:
                with trace.step("POST /sessions/{id}/execute"):
                    told = client.execute(session, text)
            finally:
                with trace.step("DELETE /sessions/{id}"):
                    client.close_session(session)
            trace.result, trace.passed = told, bool(told.get("success"))
    return trace.document()


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
    called = version or behind
    with connected(reach) as client:
        trace = Trace(client)
        with trace.telling(), trace.step(f"POST /api/{short}/{called}"):
            answer = client.call_with(short, called, body)
            trace.passed = answer.success
            trace.result = {
                "success": answer.success,
                "errorMessage": answer.error_message,
                "outputParameters": answer.output_parameters,
                "consoleOutput": answer.console_output,
            }
    return trace.document()


class Trace:
    """What was asked of a web node, step by step, and what came of it."""

    def __init__(self, client: Client) -> None:
        self._client, self._steps = client, list[dict[str, object]]()
        self.passed = False
        self.result: dict[str, object] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note the step that the block is, with the id by which logs know its request."""
        self._client.request_id = ""
        try:
            yield
        except HermeticError as error:
            self._note(name, error=error.text)
            raise
        self._note(name)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Let what a step of the block raises be told beside the steps before it."""
        try:
            yield
        except Unauthenticated:
            raise  # how to log in is what there is to be said
        except HermeticError as error:
            self.passed, self.result = False, {"error": error.text}

    def document(self) -> dict[str, object]:
        """Return all of it."""
        code = "pass" if self.passed else "fail"
        return {"statusCode": code, "trace": self._steps, "result": self.result}

    def _note(self, name: str, **more: str) -> None:
        self._steps.append({"step": name, "requestId": self._client.request_id, **more})


# As an interim revision of the manual called it.
diagnostic.add_command(run, "configure")
