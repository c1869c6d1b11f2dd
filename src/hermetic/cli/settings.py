"""`hermetic settings`: what is set, and by whom."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from hermetic.cli import output
from hermetic.cli.connection import home_option, json_option
from hermetic.config.compute import ComputeSettings
from hermetic.config.home import Home, speaking_of
from hermetic.config.jsonc import decoded
from hermetic.config.layers import Resolved, Source, from_environment, from_file, resolve
from hermetic.config.roles import ROLES
from hermetic.config.settings import Settings
from hermetic.config.tree import Tree
from hermetic.config.web import WebSettings
from hermetic.errors import BadConfiguration

S = TypeVar("S", bound=Tree)
Function = TypeVar("Function", bound=Callable[..., object])


def _meant(command: Function) -> Function:
    """Give *command* the options that say which settings are meant."""
    for option in (
        click.option(
            "--settings",
            "file",
            type=Path,
            help="The settings file.  [default: appsettings.json in the home]",
        ),
        click.option(
            "--role",
            type=click.Choice(list(ROLES)),
            default="box",
            show_default=True,
            help="Whose settings they are.",
        ),
        home_option,
    ):
        command = option(command)
    return command


@click.group()
def settings() -> None:
    """Check and explain the settings and where they come from."""


@settings.command()
@_meant
@json_option
def explain(home: Home, role: str, file: Path | None, *, as_json: bool) -> None:
    """Show every setting: its value, where that comes from, and what it means.

    Settings come from appsettings.json, from variables such as HERMETIC__Kestrel__Port=443, and
    from the flags of the command that starts the node; the later wins.
    """
    found = resolved(ROLES[role], home, file=file)
    if as_json:
        output.show_json(
            [
                {"key": one.key, "value": one.value, "origin": one.origin, "meaning": one.meaning}
                for one in found.explained
            ]
        )
        return
    rows = [(one.key, _written(one.value), one.origin, one.meaning) for one in found.explained]
    output.show_table(("setting", "value", "from", "meaning"), rows, empty="")


@settings.command()
@_meant
@json_option
def check(home: Home, role: str, file: Path | None, *, as_json: bool) -> None:
    """Say whether the settings are good, and what to know of them.

    Nothing is started, and no certificate, database or other node is looked for.
    """
    tree = ROLES[role]
    found = resolved(tree, home, file=file)
    if as_json:
        notes = [{"key": one.key, "origin": one.origin, "text": one.text} for one in found.notes]
        output.show_json({"role": role, "file": str(file or home.settings), "notes": notes})
        return
    said = sum(one.origin != "default" for one in found.explained)
    output.show(f"The settings are good for {tree.role}: {said} are set.")
    for one in found.notes:
        output.note(f"{one.origin}: {one.text}")


def resolved(
    tree: type[S], home: Home, flags: tuple[Source, ...] = (), *, file: Path | None = None
) -> Resolved[S]:
    """Return the settings of *tree* in a file, with the environment's and the command's on top.

    Args:
        file: A settings file, which must be there; without it that of *home*, which need not.

    Raises:
        BadConfiguration: A key is unknown, a value is wrong, or the file cannot be read.
    """
    path = file or home.settings
    said: list[Source] = []
    with speaking_of(path):
        if path.exists():
            said = from_file(decoded(path.read_bytes()), file=str(path))
        elif file:
            raise BadConfiguration(f"There is no settings file {path}: name another, or make it.")
    return resolve(tree, said, from_environment(os.environ), flags)


def fitting(
    home: Home, file: Path | None, role: str | None
) -> Settings | ComputeSettings | WebSettings:
    """Return the settings of the *role* that is said, or else of the first that they fit.

    Raises:
        BadConfiguration: They do not fit it, or none; then the error is that of a web node.
    """
    trees: dict[str, type[Settings] | type[ComputeSettings] | type[WebSettings]] = {
        "box": Settings,
        "compute": ComputeSettings,
        "web": WebSettings,
    }
    if role:
        return resolved(trees[role], home, file=file).settings
    for tree in trees.values():
        try:
            return resolved(tree, home, file=file).settings
        except BadConfiguration as error:
            last = error  # they may be those of another role
    raise BadConfiguration(f"{last.text} (They were read as a web node's: say --role if not.)")


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value in {None, ""} else str(value)
