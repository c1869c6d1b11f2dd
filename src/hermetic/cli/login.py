"""`hermetic login`: who is asking."""

import os
import sys
from pathlib import Path

import click

from hermetic.cli import output
from hermetic.cli.connection import Reach, Target, gathered, home_option, json_option, target
from hermetic.client.api import Client
from hermetic.config.home import Home, write_record


@click.command()
@click.argument("url", required=False)
@home_option
@click.option("--ca", type=Path, help="The authority to trust. [env: HERMETIC_CA]")
@click.option("--username", default="admin", show_default=True, help="The account.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--plain-http", is_flag=True, help="Take an http:// address, where anyone may listen."
)
@json_option
@gathered(Reach, "reach")
def login(
    reach: Reach, *, username: str, password_stdin: bool, plain_http: bool, as_json: bool
) -> None:
    """Log in to the node at URL, and remember the token in the home.

    Without URL the node that runs in the home is meant.  The password is asked for, or comes
    from standard input or HERMETIC_PASSWORD; it is not kept.
    """
    meant = target(reach)
    password = _password(username, meant.url, from_stdin=password_stdin)
    minutes = logged_in(reach.home, meant, username, password, plain_http=plain_http) // 60
    if as_json:
        trusted = str(meant.ca.absolute()) if meant.ca else None
        output.show_json({"url": meant.url, "ca": trusted, "username": username})
    else:
        output.show(f"Logged in to {meant.url} as {username} for {minutes} minutes.")


def logged_in(home: Home, meant: Target, username: str, password: str, *, plain_http: bool) -> int:
    """Log in, and remember the token in *home*; return for how many seconds it is good.

    Raises as `Client.login`.
    """
    with Client(meant.url, ca=meant.ca, plain_http=plain_http) as client:
        pair = client.login(username, password)
    trusted = str(meant.ca.absolute()) if meant.ca else None
    home.create()
    write_record(
        home.client,
        {"url": meant.url, "ca": trusted, "username": username, "token": pair.access_token},
    )
    return pair.expires_in


def _password(username: str, url: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    told = os.environ.get("HERMETIC_PASSWORD")
    if told:
        return told
    if not sys.stdin.isatty():
        raise click.UsageError(
            "There is no terminal to ask for the password on:"
            " use --password-stdin or HERMETIC_PASSWORD."
        )
    asked: str = click.prompt(f"Password of {username} at {url}", hide_input=True, err=True)
    return asked
