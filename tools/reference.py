"""Writes the generated pages of docs/reference: commands, errors, settings, the client library.

`make docs` runs it; a test fails where a page no longer says what the product does.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from hermetic.cli.main import hermetic
from hermetic.config.layers import resolve
from hermetic.config.roles import ROLES
from hermetic.config.tree import Tree
from hermetic.diagnostics.check import CHECKS
from hermetic.errors import HermeticError
from hermetic.wire.problems import kinds
from tools import sdk_reference

PAGES = Path(__file__).resolve().parents[1] / "docs" / "reference"
NOTE = "<!-- Written by `make docs`; change what it describes instead. -->\n\n"


def commands() -> str:
    """Return the page of all commands."""
    lines = [NOTE + "# Commands\n\n", text_of(hermetic), "\n"]
    context = click.Context(hermetic, info_name="hermetic")
    for command, path in below(hermetic, context, "hermetic"):
        lines += [
            f"\n## {path}\n\n",
            text_of(command),
            "\n\n",
            usage(command, path),
            table(command),
        ]
    return "".join(lines)


def below(
    group: click.Group, context: click.Context, path: str
) -> Iterator[tuple[click.Command, str]]:
    """Yield every command below *group* with its words."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            inner = click.Context(command, info_name=name, parent=context)
            yield from below(command, inner, f"{path} {name}")
        elif command is not None:
            yield command, f"{path} {name}"


def usage(command: click.Command, path: str) -> str:
    """Return the line that shows how *command* is typed."""
    pieces = command.collect_usage_pieces(click.Context(command, info_name=path))
    return f"```text\n{path} {' '.join(pieces)}\n```\n"


def table(command: click.Command) -> str:
    """Return the options of *command*."""
    rows = []
    for one in command.params:
        if isinstance(one, click.Option):
            names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
            metavar = one.make_metavar(click.Context(command)).replace("|", " or ")
            value = "" if one.is_flag else f" {metavar}"
            default = f" Default: {one.default}." if one.show_default and one.default else ""
            needed = " Required." if one.required else ""
            rows.append(f"| {names}{value} | {one.help or ''}{needed}{default} |\n")
    return "\n| Option | Meaning |\n| --- | --- |\n" + "".join(rows) if rows else ""


def text_of(command: click.Command) -> str:
    """Return what *command* says of itself."""
    return inspect.cleandoc(command.help or "")


def errors() -> str:
    """Return the page of all errors."""
    rows = [
        f"| `{kind.type}` | {kind.status} | {kind.exit_code} | {first_sentence(kind)} |\n"
        for kind in kinds().values()
        if kind.__module__ == HermeticError.__module__
    ]
    return (
        NOTE + "# Errors\n\n"
        "Every failed request is answered with `application/problem+json` (RFC 9457), which also\n"
        "holds the members of Machine Learning Server's error object; a command prints its\n"
        "sentence and exits with the code. `GET /problems/TYPE` on a node says the same.\n\n"
        "| Type | HTTP status | Exit code | What happened |\n| --- | --- | --- | --- |\n"
    ) + "".join(rows)


def checks() -> str:
    """Return the page of all checks of a diagnosis."""
    rows = [f"| `{one.code}` | {one.level.value} | {one.cause} |\n" for one in CHECKS.values()]
    return (
        NOTE + "# Checks\n\n"
        "What [`hermetic diagnose`](../how-to/diagnose.md) finds, by its code. Codes stay as they\n"
        "are, and a level of `fail` makes the command exit with 1. Where it was found, what was\n"
        "seen there and what mends it stands beside each finding.\n\n"
        "| Code | Level | What it means |\n| --- | --- | --- |\n"
    ) + "".join(rows)


def first_sentence(kind: type[HermeticError]) -> str:
    """Return the first paragraph of what *kind* says of itself, on one line."""
    return " ".join(inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].split())


def settings() -> str:
    """Return the page of all settings, a section for each role."""
    return (
        NOTE + "# Settings\n\n"
        "`appsettings.json`, JSON with comments; over it variables such as\n"
        "`HERMETIC__Kestrel__Port=443`; over those the flags of the command. An unknown key is an\n"
        "error. `hermetic settings explain` shows what holds and where it comes from, and\n"
        "`hermetic settings check` whether a file would be taken; both take `--role`. A file of\n"
        "ML Server 9.x is taken [as it is](../how-to/migrate-settings.md).\n\n"
        "Names are known in any case. A duration is `hh:mm:ss`, or `d.hh:mm:ss` with days. `null`\n"
        "says nothing. A secret is never shown.\n"
    ) + "".join(of_role(word, tree) for word, tree in ROLES.items())


def of_role(word: str, tree: type[Tree]) -> str:
    """Return the section of the settings of one role, which `--role` calls *word*."""
    aliases = [f"`{alias}` as `{meant}`" for alias, meant in tree.aliases.items()]
    also = f"Also read: {', '.join(aliases)}.\n\n" if aliases else ""
    rows = [
        f"| `{one.key}` | {shown(one.value)} | {one.meaning} |\n" for one in resolve(tree).explained
    ]
    return (
        f"\n## {tree.role.capitalize()}\n\n`--role {word}`.\n\n{also}"
        "| Setting | Default | Meaning |\n| --- | --- | --- |\n"
    ) + "".join(rows)


def shown(value: object) -> str:
    """Return a default as the file would have it."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value not in ("", (), None) else "none"


def pages() -> dict[Path, str]:
    """Return every generated page by its file."""
    return {
        PAGES / "commands.md": commands(),
        PAGES / "checks.md": checks(),
        PAGES / "errors.md": errors(),
        PAGES / "hermetic-azureml.md": NOTE + sdk_reference.page(),
        PAGES / "settings.md": settings(),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
