"""What all old commands have in common: their global options, and how results are printed."""

import functools
import json
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from logging import WARNING
from pathlib import Path
from typing import TypeVar

import click

from hermetic import log
from hermetic.cli import output
from hermetic.cli.connection import Reach, home_option
from hermetic.cli.querying import Query, query_of
from hermetic.config.home import Home
from hermetic.errors import BadInput

Command = Callable[..., object]
Function = TypeVar("Function", bound=Command)

FORMS = ("json", "jsonc", "table", "tsv")


def local(command: Command) -> Command:
    """Give *command*, which works on this machine, the global options; print what it returns."""

    @functools.wraps(command)
    def printing(output_form: str, home: Home, **values: object) -> int:
        query = _query(values)
        with log.for_a_command(node=socket.gethostname(), level=WARNING):
            result = command(home=home, **values)
        return printed(result, output_form, query)

    return _options(printing)


def remote(command: Command) -> Command:
    """Give *command*, which asks a web node, the global options; print what it returns."""

    @functools.wraps(command)
    def printing(
        output_form: str, home: Home, endpoint: str | None, ca: Path | None, **values: object
    ) -> int:
        query = _query(values)
        reach = Reach(home, url=endpoint, ca=ca)
        with log.for_a_command(node=socket.gethostname(), level=WARNING):
            result = command(reach=reach, **values)
        return printed(result, output_form, query)

    for option in (
        click.option("--mls", is_flag=True, help="As documented; changes nothing.", hidden=True),
        click.option("--endpoint", help="The address of the web node. [env: HERMETIC_URL]"),
        click.option("--ca", type=Path, help="The authority to trust. [env: HERMETIC_CA]"),
    ):
        printing = option(printing)
    return _options(printing)


def printed(result: object, form: str, query: Query | None = None) -> int:
    """Print *result*, or what *query* asks for of it, in that form.

    Return the exit code: 1 if the result says that it failed.
    """
    failed = isinstance(result, Mapping) and result.get("statusCode") == "fail"
    if query is not None:
        result = query(result)
    if result is not None:
        if form in {"json", "jsonc"}:
            output.show_document(result)
        elif form == "tsv":
            output.show("\n".join("\t".join(row) for row in _rows(result)))
        else:
            rows = _rows(result)
            titles = _titles(result)
            output.show_table(titles, rows, empty="There is nothing to show.")
    return 1 if failed else 0


def secret(given: str | None, prompt: str, *, confirmation: str | None = None) -> str:
    """Return a secret: as it was given, or asked for twice on the terminal.

    Raises:
        BadInput: It and its confirmation differ.
    """
    if given is None:
        asked: str = click.prompt(prompt, hide_input=True, confirmation_prompt=True, err=True)
        return asked
    if confirmation is not None and confirmation != given:
        raise BadInput("The password and its confirmation differ: type them again.")
    return given


def _options(command: Command) -> Command:
    for option in (
        click.option(
            "--output",
            "-o",
            "output_form",
            type=click.Choice(FORMS),
            default="json",
            show_default=True,
            help="How to print the result.",
        ),
        click.option("--query", help="What of the result to print, in JMESPath."),
        click.option(
            "--verbose", is_flag=True, help="As documented; changes nothing.", hidden=True
        ),
        click.option("--debug", is_flag=True, help="As documented; changes nothing.", hidden=True),
        home_option,
    ):
        command = option(command)
    return command


def _query(values: dict[str, object]) -> Query | None:
    """Take the words out of *values* that no command knows of; return what is asked for."""
    for name in ("verbose", "debug", "mls"):
        values.pop(name, None)
    query = values.pop("query", None)
    return None if query is None else query_of(str(query))


def _titles(result: object) -> list[str]:
    first = result[0] if isinstance(result, list) and result else result
    if isinstance(first, list):
        return [f"Column{number}" for number in range(1, len(first) + 1)]
    return list(first) if isinstance(first, Mapping) else ["result"]


def _rows(result: object) -> list[Sequence[str]]:
    many = result if isinstance(result, list) else [result]
    return [[_cell(value) for value in _members(one)] for one in many]


def _members(one: object) -> Iterable[object]:
    if isinstance(one, Mapping):
        return one.values()
    return one if isinstance(one, list) else [one]


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
