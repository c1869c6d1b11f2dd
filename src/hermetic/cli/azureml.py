"""`hermetic azureml`: what clients of Azure ML need to speak to an installation."""

import json
import shlex
import socket
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import click

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, json_option, reaching, target
from hermetic.config.home import write_file
from hermetic.wire.azureml import AzureMlEnvironment

_CACHE = "cloudEndpoints.json"  # in which the client keeps what it was told once


@click.group()
def azureml() -> None:
    """Let clients of Azure ML work with this installation."""


@azureml.command()
@click.option(
    "--folder",
    type=Path,
    metavar="DIR",
    help="Where the client may keep what it learns.  [default: azureml in the home]",
)
@click.option(
    "--write-config",
    type=Path,
    metavar="DIR",
    help="Write .azureml/config.json there, for Workspace.from_config().",
)
@reaching
@json_option
def env(reach: Reach, *, folder: Path | None, write_config: Path | None, as_json: bool) -> None:
    """Print the variables by which azureml-core works with this installation.

    For a shell: eval "$(hermetic azureml env)".  The secret among them acts for you for 14 days,
    or until your password is changed: keep it as you keep that.
    """
    with connected(reach) as client:
        told = client.azureml_environment()
    place = (folder or reach.home.root / "azureml").absolute()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        (place / _CACHE).unlink()
    bundle = place / "ca.pem"
    write_file(bundle, _believed(target(reach).ca, told.authority))
    variables = {
        **told.variables,
        "REQUESTS_CA_BUNDLE": str(bundle),
        "SSL_CERT_FILE": str(bundle),
        "AZURE_CONFIG_DIR": str(place),
    }
    if write_config is not None:
        _write_config(write_config, told.config)
    if as_json:
        output.show_json({"variables": variables, "config": told.config})
    else:
        output.show(
            "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
        )
    _check_names(told)


def _believed(ca: Path | None, authority: str) -> bytes:
    """Return whom a client is to believe: who vouches for the node, and its own authority."""
    system = ssl.get_default_verify_paths().cafile
    known = ca or (Path(system) if system else None)
    return b"\n".join([known.read_bytes() if known else b"", authority.encode()])


def _write_config(folder: Path, config: Mapping[str, str]) -> None:
    place = folder.absolute() / ".azureml"
    place.mkdir(parents=True, exist_ok=True)
    (place / "config.json").write_text(f"{json.dumps(config, indent=2)}\n")
    output.note(f"Wrote {place / 'config.json'}.")


def _check_names(told: AzureMlEnvironment) -> None:
    """Say of the names that clients call whether they lead to the node."""
    for name in told.names:
        found = set(_resolved(name))
        if not found:
            output.note(
                f"{name} does not resolve here: let it lead to {told.address}, in DNS or in"
                " /etc/hosts."
            )
        elif told.address not in found:
            output.note(f"{name} leads to {', '.join(sorted(found))}, and not to {told.address}.")


def _resolved(name: str) -> Iterable[str]:
    try:
        return [str(one[4][0]) for one in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)]
    except OSError:
        return []
