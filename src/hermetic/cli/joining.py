"""`hermetic node join`: this machine's node joins the authority of a web node."""

import socket
import sys
from logging import WARNING

import click

from hermetic import log
from hermetic.certificates.credential import Credential
from hermetic.cli import output
from hermetic.cli.concealment import HANDED_TOKEN, revealed
from hermetic.cli.connection import home_option, json_option
from hermetic.cli.stores import acting_as_owner
from hermetic.clock import system_clock
from hermetic.config.editing import prepared
from hermetic.config.home import Home
from hermetic.wiring.joined import Joined
from hermetic.wiring.joining import JoinToken, settings_of
from hermetic.wiring.joining import join as joining


@click.command()
@click.argument("url")
@click.option(
    "--token",
    help="What `hermetic node token` gave; asked for where neither this nor HERMETIC_JOIN_TOKEN is.",
)
@home_option
@json_option
def join(url: str, token: str | None, home: Home, *, as_json: bool) -> None:
    """Join the authority of the web node at URL, by a token that `hermetic node token` gave there.

    The node gets certificates, trusts the authority, lets its web nodes in, and renews all of it by
    itself.  The token also says by what to know the authority, so nothing has to be copied before.
    """
    parsed = JoinToken.parse(_asked(token))
    with acting_as_owner(home), log.for_a_command(node=socket.gethostname(), level=WARNING):
        home.create()
        with home.locked():
            prepared(home.settings, {})  # what cannot be written is told before the token is used
            joined, made = joining(home, url, parsed, system_clock)
            prepared(home.settings, settings_of(home, joined))()
    if as_json:
        output.show_json(_told(joined, made))
        return
    output.show(f"Joined {url.rstrip('/')} as {', '.join(joined.roles)}.")
    for role, one in zip(joined.roles, made, strict=True):
        until = f"{one.chain.not_after:%Y-%m-%d %H:%M} UTC"
        output.show(f"{role}: {', '.join(one.chain.names)} until {until}, renewed by itself.")
    kind = "compute" if "compute" in joined.roles else "web"
    output.show(f"Start it with `hermetic node run {kind}`.")


def _asked(token: str | None) -> str:
    told = revealed(HANDED_TOKEN) or token
    if told is not None:
        return told
    if not sys.stdin.isatty():
        return sys.stdin.readline()
    asked: str = click.prompt("Token", hide_input=True, err=True)
    return asked


def _told(joined: Joined, made: list[Credential]) -> dict[str, object]:
    certified = [
        {
            "role": role,
            "names": list(one.chain.names),
            "serial": f"{one.chain.serial:x}",
            "notAfter": f"{one.chain.not_after:%Y-%m-%dT%H:%M:%SZ}",
        }
        for role, one in zip(joined.roles, made, strict=True)
    ]
    return {"directory": joined.directory, "roots": list(joined.roots), "certificates": certified}
