"""`hermetic az …`: the command lines of ML Server 9.3 and 9.4, and of Azure ML v1.

They are `az ml admin` and `az mlserver admin`, and `az ml computetarget`, `service`, `model`.  Names and options are as documented; what the originals printed was hardly ever, so results are
JSON of our own.
"""

import os
from pathlib import Path

import click

from hermetic.cli import output
from hermetic.cli.azure import remote
from hermetic.cli.connection import Reach, home_option, target
from hermetic.cli.deferring import deferring
from hermetic.cli.login import logged_in
from hermetic.config.home import Home, write_record

_NODES = "hermetic.cli.az_nodes"
_ADMIN = "hermetic.cli.az_admin"
_TRACES = "hermetic.cli.az_traces"
_DEFERRED = {
    "bootstrap": (f"{_NODES}:bootstrap", "Set up one box on this machine."),
    "node": (f"{_NODES}:node", "Set up, list, start and stop the nodes of this machine."),
    "port": (f"{_NODES}:port", "List and change the ports of the nodes of this machine."),
    "compute-node-uri": (f"{_ADMIN}:compute_node_uri", "Add, list and remove compute nodes."),
    "password": (f"{_ADMIN}:password", "Change the administrator's password."),
    "credentials": (f"{_ADMIN}:credentials", "List certificates, and seal a secret with one."),
    "diagnostic": (f"{_TRACES}:diagnostic", "Look for what is wrong, and trace an execution."),
}


_WORKSPACE = {
    "computetarget": ("hermetic.cli.az_computes:computetarget", "Computes, and their TLS."),
    "service": (
        "hermetic.cli.az_deploying:service",
        "Show, call, change and delete what is deployed.",
    ),
    "model": ("hermetic.cli.az_deploying:model", "Register, show and deploy models."),
}


@click.group()
def az() -> None:
    """The command lines of ML Server 9.3 and 9.4, and of Azure ML v1, as documented."""


@click.group(cls=deferring(_WORKSPACE))
def ml() -> None:
    """As `az mlserver`, and the commands of Azure ML v1."""


@click.group()
def mlserver() -> None:
    """The server of 9.4."""


@click.group(cls=deferring(_DEFERRED), invoke_without_command=True)
@click.option("--mls", is_flag=True, help="As documented; changes nothing.", hidden=True)
@click.option("--endpoint", help="The web node that is meant; alone, from now on.")
@click.option("--ca", type=Path, help="The authority to trust with it.")
@home_option
@click.pass_context
def admin(
    context: click.Context, *, mls: bool, endpoint: str | None, ca: Path | None, home: Home
) -> None:
    """Administer the nodes of this machine, and the installation they belong to."""
    if context.invoked_subcommand is not None:
        told = {"HERMETIC_URL": endpoint, "HERMETIC_CA": str(ca) if ca else None}
        os.environ.update({name: value for name, value in told.items() if value})
    elif endpoint is None:
        output.show(context.get_help())
    else:
        trusted = str(ca.absolute()) if ca else None
        home.create()
        write_record(home.client, {"url": endpoint, "ca": trusted, "token": None})
        output.show_document({"url": endpoint, "next": "hermetic az login --mls"})


@click.command()
@click.option("--username", "-u", default="admin", show_default=True, help="The account.")
@click.option("--password", "-p", help="Its password; asked for without it.")
@remote
def login(reach: Reach, username: str, password: str | None) -> dict[str, object]:
    """Log in, and remember the token in the home."""
    meant = target(reach)
    told: str = password or click.prompt(f"Password of {username}", hide_input=True, err=True)
    logged_in(reach.home, meant, username, told, plain_http=meant.plain_http)
    return {"url": meant.url, "username": username}


az.add_command(ml)
az.add_command(mlserver)
az.add_command(login)
mlserver.add_command(login)
for _one in (ml, mlserver):
    _one.add_command(admin)
