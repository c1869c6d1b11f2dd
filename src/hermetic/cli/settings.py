"""`hermetic settings`: what is set, and by whom."""

import os

import click

from hermetic.cli import output
from hermetic.cli.connection import home_option, json_option
from hermetic.config.home import Home, speaking_of
from hermetic.config.jsonc import decoded
from hermetic.config.layers import Resolved, Source, from_environment, from_file, resolve


@click.group()
def settings() -> None:
    """Explain the settings and where they come from."""


@settings.command()
@home_option
@json_option
def explain(home: Home, *, as_json: bool) -> None:
    """Show every setting: its value, where that comes from, and what it means.

    Settings come from appsettings.json in the home, from variables such as
    HERMETIC__Kestrel__Port=443, and from the flags of `hermetic up`; the later wins.
    """
    explained = resolved(home).explained
    if as_json:
        output.show_json(
            [
                {"key": one.key, "value": one.value, "origin": one.origin, "meaning": one.meaning}
                for one in explained
            ]
        )
        return
    rows = [(one.key, _written(one.value), one.origin, one.meaning) for one in explained]
    output.show_table(("setting", "value", "from", "meaning"), rows, empty="")


def resolved(home: Home, flags: tuple[Source, ...] = ()) -> Resolved:
    """Return the settings of *home* with the environment's and the command's own on top.

    Raises:
        BadConfiguration: A key is unknown, a value is wrong, or the file cannot be read.
    """
    file: list[Source] = []
    with speaking_of(home.settings):
        if home.settings.exists():
            text = decoded(home.settings.read_bytes())
            file = from_file(text, file=str(home.settings))
    return resolve(file, from_environment(os.environ), flags)


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "-"
    return str(value).lower() if isinstance(value, bool) else str(value) or "-"
