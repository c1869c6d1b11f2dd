"""Groups of commands that are loaded when they are named, so that the others start at once.

Loaded by every command, so nothing heavier than click may be imported here.
"""

import importlib
from collections.abc import Mapping

import click

from hermetic.errors import BadConfiguration


def deferring(deferred: Mapping[str, tuple[str, str]]) -> type[click.Group]:
    """Return a kind of group that also has commands of which it knows only where they are.

    Args:
        deferred: By the name of each command, its place (`module:function`) and its sentence.
    """

    class Deferring(click.Group):
        """A group that loads a command when it is named."""

        def list_commands(self, ctx: click.Context) -> list[str]:
            return [*self.commands, *deferred]

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            if cmd_name in deferred:
                return _loaded(deferred[cmd_name][0], f"{ctx.command_path} {cmd_name}")
            return super().get_command(ctx, cmd_name)

        def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            rows = [(name, one.get_short_help_str(100)) for name, one in self.commands.items()]
            rows += [(name, sentence) for name, (_, sentence) in deferred.items()]
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    return Deferring


def _loaded(place: str, words: str) -> click.Command:
    """Return the command at *place*, or raise `BadConfiguration` if it needs what is not there."""
    module, _, function = place.partition(":")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("hermetic"):
            raise
        raise BadConfiguration(
            f"`{words}` needs {error.name}, which is not installed:"
            ' `pip install "hermetic[node]"` brings all that a node needs.'
        ) from error
    command: click.Command = getattr(found, function)
    return command
