"""`hermetic user`: one's own account."""

import sys

import click

from hermetic.cli import output
from hermetic.cli.connection import Reach, connected, json_option, reaching


@click.group()
def user() -> None:
    """Change your password."""


@user.command()
@click.option(
    "--password-stdin",
    is_flag=True,
    help="Read the current password and the new one from standard input, a line each.",
)
@reaching
@json_option
def password(reach: Reach, *, password_stdin: bool, as_json: bool) -> None:
    """Give your account another password; all its logins end, on every web node.

    It has 8 to 16 characters: upper case, lower case, a digit and a special one.
    """
    current, new = _asked(from_stdin=password_stdin)
    with connected(reach) as client:
        client.change_password(current, new)
    if as_json:
        output.show_json({"changed": True})
    else:
        output.show("Your password is changed. Log in again with `hermetic login`.")


def _asked(*, from_stdin: bool) -> tuple[str, str]:
    if from_stdin:
        return _line(), _line()
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on: use --password-stdin.")
    current: str = click.prompt("Current password", hide_input=True, err=True)
    new: str = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
    return current, new


def _line() -> str:
    return sys.stdin.readline().rstrip("\r\n")
